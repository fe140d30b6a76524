"""How an exception of a plugin is shown to people, and what they can do about it."""


def exception_message(error: BaseException) -> str:
    """An exception in one line; the class is shown only for those that were not written for people."""
    text = " ".join(str(error).split())
    return text if text and _is_meant_for_people(error) else f"{type(error).__name__}: {text}".rstrip(": ")


def exception_remedy(error: BaseException) -> str:
    """The help text that mngr's errors carry (``user_help_text``); empty for other exceptions."""
    return str(getattr(error, "user_help_text", None) or "")


def fix_or_disable(plugin: str) -> str:
    """The remedy for a plugin with a mistake."""
    return f"Fix the plugin '{plugin}' or disable it: mngr plugin disable {plugin}."


def _is_meant_for_people(error: BaseException) -> bool:
    names = {base.__name__ for base in type(error).__mro__}
    return hasattr(error, "user_help_text") or bool(names & {"ClickException", "MngrAnsibleError"})
