"""x"""


def label_reply(code: str) -> str:
    return ""
