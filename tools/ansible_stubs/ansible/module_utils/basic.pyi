from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

class AnsibleModule:
    params: dict[str, Any]
    check_mode: bool
    _diff: bool
    tmpdir: str
    no_log_values: set[str]
    _remote_tmp: str
    def __init__(
        self,
        argument_spec: Mapping[str, Mapping[str, Any]],
        *,
        mutually_exclusive: Sequence[tuple[str, ...]] = ...,
        required_one_of: Sequence[tuple[str, ...]] = ...,
        supports_check_mode: bool = ...,
    ) -> None: ...
    def exit_json(self, **result: object) -> NoReturn: ...
    def fail_json(self, msg: str, **result: object) -> NoReturn: ...
    def warn(self, warning: str) -> None: ...
