"""The jars of Apache Kafka: fetched once by Maven, in the versions of pom.xml, into `var/kafka/jars-<digest>`."""

import hashlib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
POM = Path(__file__).with_name("pom.xml")
CACHE = ROOT / "var" / "kafka"
OLDEST_JAVA = 17
FETCH_WITHIN_S = 600.0
INSTALL = "Debian, Ubuntu: apt-get install default-jre-headless maven"


class NoKafka(Exception):  # noqa: N818 (reads as a sentence where it is raised)
    """Kafka cannot be started here; the text says why and what to do."""


def missing() -> str | None:
    """What this machine lacks to run a broker, and what to install; None if it lacks nothing."""
    version = java_version()
    if version is None or version < OLDEST_JAVA:
        found = "there is none" if version is None else f"this is {version}"
        return f"Kafka needs Java {OLDEST_JAVA} or later, and {found}. {INSTALL}"
    if not jars_folder().is_dir() and shutil.which("mvn") is None:
        return f"Kafka's jars are fetched with Maven, which is not there. {INSTALL}"
    return None


def java_version() -> int | None:
    """The major version of the `java` on the path."""
    if shutil.which("java") is None:
        return None
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match[1]) if match else None


def jars_folder() -> Path:
    return CACHE / f"jars-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"


def jars() -> Path:
    """The folder of the jars; they are fetched if they are not there yet. Raises NoKafka."""
    lack = missing()
    if lack is not None:
        raise NoKafka(lack)
    if not jars_folder().is_dir():
        _fetch(jars_folder())
    return jars_folder()


def _fetch(folder: Path) -> None:
    """Into a folder beside it first, so that half of the jars are never taken for all."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="fetching-") as draft:
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={draft}/jars"]
        command = ["mvn", "-q", "-B", "-f", str(POM), *goal]
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_WITHIN_S, check=False)
        if done.returncode != 0:
            raise NoKafka(f"Maven could not fetch Kafka's jars:\n{done.stdout}{done.stderr}")
        try:
            Path(draft, "jars").rename(folder)
        except OSError:
            if not folder.is_dir():  # else somebody else was faster
                raise
