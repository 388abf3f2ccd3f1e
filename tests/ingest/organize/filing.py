"""Exports filed as `organize` does, and what was said in them."""

from chatbot.ingest.organize.inbox import file_exports, plan_filing


def organize(project):
    config = project.config()
    plan = plan_filing(config)
    file_exports(plan, config)
    return plan, config


def spoken(messages):
    return [
        (m.speaker, m.text, m.sent_at.replace(second=0), m.kind)
        for m in messages
        if m.kind != "system"
    ]
