from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.builders import CATALOGUE, SHOP
from tests.e2e.service import Service


@pytest.fixture
def shop_folder(tmp_path: Path) -> Path:
    """The policy of the small shop as a folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    rules = [
        {"id": "thanks", "when": "purchase", "if": "event.amount > 50.0", "propose": "pen", "for": "1d", "boost": 3}
    ]
    cells = [{"id": "all", "share": 100, "offers": ["mug", "pen"]}]
    campaigns = [{"id": "spring", "programs": [{"id": "gifts", "cells": cells}]}]
    policy = {"caps": [{"id": "twice", "per": "offer", "at_most": 2, "within": "7d"}]}
    sections = {**SHOP, **CATALOGUE, "rules": rules, "campaigns": campaigns, "contact_policy": policy}
    (folder / "policy.yaml").write_text(yaml.safe_dump(sections, sort_keys=False))
    return folder


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    running = Service(tmp_path / "var")
    try:
        running.start()
        yield running
    finally:
        running.close()
