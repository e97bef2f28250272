"""Builds the wheel of this project with the standard library alone: `python3 build_wheel.py DIRECTORY`."""

import base64
import hashlib
import os
import sys
import zipfile

NAME, VERSION = "greeting", "1.0"
INFO = f"{NAME}-{VERSION}.dist-info"
METADATA = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: build_wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def main(directory: str) -> None:
    """Write the wheel into `directory`; the same sources give the same bytes."""
    files = {f"{INFO}/METADATA": METADATA.encode(), f"{INFO}/WHEEL": WHEEL.encode()}
    for name in sorted(os.listdir(NAME)):
        if name.endswith(".py"):
            with open(os.path.join(NAME, name), "rb") as file:
                files[f"{NAME}/{name}"] = file.read()
    record = "".join(f"{name},sha256={digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{INFO}/RECORD"] = f"{record}{INFO}/RECORD,,\n".encode()
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, f"{NAME}-{VERSION}-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in files.items():
            wheel.writestr(zipfile.ZipInfo(name), data)


def digest(data: bytes) -> str:
    """Return the digest as RECORD wants it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


if __name__ == "__main__":
    main(sys.argv[1])
