"""x"""


def textbook_reply(topic: str, audience: str, seed: object) -> str:
    return ""
