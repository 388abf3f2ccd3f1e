"""Choices that the page reports: stored only if asked for, each with its own conversation."""

import httpx

from chatbot.corpus.preferences import preferences_path, read_preferences
from tests.serving.servers import BEARER, running, trained_service

STORE = "preferences.store=true"
BODY = {
    "kind": "retry", "rejected": "싫어\n안 가", "chosen": "그래",
    "messages": [{"role": "user", "content": "밥 먹자"}],
}  # fmt: skip


def post(address, body, **headers):
    return httpx.post(f"{address}/preferences", json=body, headers=BEARER | headers, timeout=30)


def test_a_choice_is_stored_with_its_own_conversation(trained):
    with trained_service(trained, STORE) as service, running(service) as address:
        models = httpx.get(f"{address}/v1/models", headers=BEARER)
        assert models.json()["stores_choices"] is True
        assert post(address, BODY).status_code == 204
        other = {**BODY, "kind": "undo", "chosen": None, "rejected": "몰라"}
        assert post(address, other).status_code == 204
        assert httpx.post(f"{address}/preferences", json=BODY).status_code == 401
        assert post(address, {**BODY, "rejected": ""}).status_code == 400
    rows = read_preferences(trained.config())
    assert [(row.chosen, row.rejected) for row in rows] == [("그래", "싫어\n안 가"), (None, "몰라")]
    assert all(row.context == [(1, "밥 먹자")] and row.speaker == 0 for row in rows)


def test_without_the_setting_there_is_nothing_to_store_to(trained):
    with trained_service(trained) as service, running(service) as address:
        models = httpx.get(f"{address}/v1/models", headers=BEARER)
        assert "stores_choices" not in models.json()
        assert post(address, BODY).status_code == 404
    assert not preferences_path(trained.config()).exists()
