// node validate.mjs FILE: one line for each finding of the official AsyncAPI parser; exit code 1 if there is any.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const [file] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"), { source: file });
for (const { code, message, path } of diagnostics) console.log(`${path.join(".")}: ${message} (${code})`);
console.log(document ? `channels: ${document.channels().all().map((each) => each.address()).join(" ")}` : "refused");
process.exitCode = document && diagnostics.length === 0 ? 0 : 1;
