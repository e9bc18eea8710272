"""Builds the wheel: for pip, which calls build_wheel, and as a command.

usage: wheel.py FOLDER [LIBRARY]

With LIBRARY, the path of libsyncmanager, the wheel has it inside and is for this platform alone.
The same sources make the same bytes.
"""

import base64
import hashlib
import os
import re
import sys
import sysconfig
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = ["__init__.py", "doors.py", "verbs.py", "py.typed"]


def field(name):
    """Returns a text of [project] in pyproject.toml. Only Python 3.11 can read all of TOML."""
    with open(os.path.join(HERE, "pyproject.toml"), encoding="utf-8") as file:
        return re.search('^%s = "(.*)"$' % name, file.read(), re.MULTILINE).group(1)


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def contents(tag, library):
    """Returns the files of the wheel, by their names, without RECORD."""
    info = "syncmanager-%s.dist-info/" % field("version")
    metadata = "Metadata-Version: 2.1\nName: syncmanager\nVersion: %s\nSummary: %s\nLicense: MPL-2.0\nRequires-Python: %s\n" % (
        field("version"), field("description"), field("requires-python"))
    wheel = "Wheel-Version: 1.0\nGenerator: syncmanager\nRoot-Is-Purelib: %s\nTag: %s\n" % ("false" if library else "true", tag)
    files = {"syncmanager/" + name: read(HERE, "syncmanager", name) for name in PACKAGE}
    if library:
        files["syncmanager/" + os.path.basename(library)] = read(library)
    files[info + "LICENSE"] = read(HERE, "..", "..", "LICENSE")
    files[info + "METADATA"] = metadata.encode()
    files[info + "WHEEL"] = wheel.encode()
    return info, files


def add(archive, name, content):
    entry = zipfile.ZipInfo(name)  # of 1980
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = (0o100755 if name.endswith((".so", ".dylib", ".dll")) else 0o100644) << 16
    archive.writestr(entry, content)


def build_wheel(folder, config_settings=None, metadata_directory=None):
    library = (config_settings or {}).get("library")
    platform = re.sub("[-.]", "_", sysconfig.get_platform()) if library else "any"
    tag = "py3-none-" + platform
    info, files = contents(tag, library)
    record = ""
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\n" % (name, digest, len(content))
    files[info + "RECORD"] = (record + info + "RECORD,,\n").encode()
    name = "syncmanager-%s-%s.whl" % (field("version"), tag)
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, content in files.items():
            add(archive, path, content)
    return name


def build_sdist(folder, config_settings=None):
    raise NotImplementedError("the sources are in the repository of Sync Manager")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    print(os.path.join(sys.argv[1], build_wheel(sys.argv[1], {"library": sys.argv[2] if len(sys.argv) == 3 else None})))
