"""What the engine of the role ``mngr_files`` can do, as requests of an attack."""

from __future__ import annotations

from typing import Any

from tests.support.attacks.scene import NEW, SECRET, Request, planted

TREE = {"id": "s", "local_path": "tree", "remote_path": "TOP", "symlinks": "keep"}


def file(name: str, **more: Any) -> dict[str, Any]:
    return {"id": "s", "local_path": "new", "remote_path": f"TOP/{name}", "mode": "0644", **more}


OPERATIONS = {
    "create": Request((file("new"),)),
    "replace": Request((file("conf"),)),
    "keep": Request((file("new", if_exists="keep"),)),
    "backup": Request((file("conf", if_exists="backup"),)),
    "missing parents": Request((file("a/b/new"),)),
    "secret": Request((file("token", local_path="secret", mode="0600", is_secret=True),), secrets=(SECRET,)),
    "secret of the owner": Request(
        (file("token", local_path="secret", mode="0600", owner="OWNER", is_secret=True),), secrets=(SECRET,)
    ),
    "mode": Request((file("conf", mode="0600"),), conf=NEW),
    "owner": Request((file("conf", owner="OWNER", group="OWNER"),), conf=NEW),
    "owner of everything": Request(({**TREE, "owner": "OWNER", "group": "OWNER", "directory_mode": "0750"},)),
    "tree": Request((TREE,)),
    "mirror": Request(({**TREE, "mirror": True},)),
    "mirror with backups": Request(({**TREE, "mirror": True, "if_exists": "backup"},)),
    "what is to go": Request(
        (
            {
                "id": "s",
                "entries": [
                    {"path": f"TOP/{name}", "kind": "absent"}
                    for name in ("victim", "gone/victim", "gone", "sub/victim")
                ],
            },
        )
    ),
    "upload": Request((file("large", local_path="large", mode="0600"),), has_upload=True, secrets=(SECRET,)),
    "diff": Request(({**TREE, "mirror": True},), shows_diff=True),
}
"""What the engine can do, by name."""
OF_ROOT = ("owner", "owner of everything")
"""Operations that only root can do."""
LINKED = (planted("TOP/linked", "link", "dev", target="sub"),)
"""A link of the attacker's to a directory of his own, which root follows."""
GIVEN = {
    "owner": Request((file("conf", owner="ATTACKER", mode="0640"),), conf=NEW),
    "everything": Request(({**TREE, "owner": "ATTACKER", "group": "ATTACKER", "directory_mode": "0750"},), conf=NEW),
    "link": Request(
        ({"id": "s", "entries": [{"path": "TOP/link", "kind": "link", "target": "conf", "owner": "ATTACKER"}]},)
    ),
    "mirror": Request(({**TREE, "mirror": True, "owner": "ATTACKER"},)),
    "missing parents": Request((file("a/b/new", owner="ATTACKER"),)),
    "keep": Request((file("new", owner="ATTACKER", if_exists="keep"),)),
    "backup": Request((file("conf", owner="ATTACKER", if_exists="backup"),)),
    "through his own link": Request((file("linked/new", owner="ATTACKER"),), more=LINKED),
    "through his own link, for root": Request((file("linked/inner"),), more=LINKED),
    "mirror through his own link": Request(
        ({**TREE, "remote_path": "TOP/linked/top", "mirror": True},),
        more=(planted("TOP/linked", "link", "dev", target=".."),),
    ),
}
"""What root does for the attacker: what it writes is to belong to him."""
