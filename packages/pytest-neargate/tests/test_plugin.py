"""Run by tests/it/clients.rs, with a stack in this folder."""

import os

import requests


def test_passes(neargate_url, neargate_chromium_args):
    assert neargate_url == os.environ["NEARGATE_URL"]
    assert neargate_chromium_args[0].startswith("--host-resolver-rules=")
    assert "it-is-the-stack" in requests.get(neargate_url + "/").text


def test_fails(neargate_url):
    assert requests.get(neargate_url + "/").text == "something else"
