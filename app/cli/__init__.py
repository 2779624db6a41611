"""The command line, by subject. What a command needs is imported when it is called: `--help` answers at once."""

import typer

from app.cli import archive, customers, dead_letters, decisions, keys, log, policies, processes, results, revisions

app = typer.Typer(
    name="opportune",
    help="The next best action, at the opportune moment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for part in (processes, policies, revisions, customers, decisions, results, log):
    app.add_typer(part.app)
app.add_typer(keys.app, name="keys")
app.add_typer(archive.app, name="archive")
app.add_typer(dead_letters.app, name="dead-letters")
