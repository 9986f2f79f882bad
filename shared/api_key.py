"""Keys of paid services: from the environment, or from a file that it names. They stand in no other place."""

from pathlib import Path

from pydantic import SecretStr

from shared.errors import Unrecoverable


def read_api_key(key: SecretStr, file: Path | None, *, variable: str) -> SecretStr | None:
    """The key, or None where there is none. The file is read anew each time, so that a changed key is used at once.

    `variable` is the environment variable that holds the key; `<variable>_FILE` names the file. Raises `Unrecoverable`
    where the file cannot be read or what is found cannot be a key.
    """
    written = key.get_secret_value().strip()
    if not written and file is not None:
        try:
            written = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise Unrecoverable(
                f"The file that {variable}_FILE names cannot be read.",
                remedy="Name a file that holds the key and nothing else, readable by the service.",
            ) from None
    if any(not "!" <= character <= "~" for character in written):  # such a header cannot be sent, and is never right
        raise Unrecoverable(
            f"{variable} holds characters that no key has.", remedy="Copy the key again, without spaces or quotes."
        )
    return SecretStr(written) if written else None
