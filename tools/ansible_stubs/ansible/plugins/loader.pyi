from typing import Any

class _Loader:
    def get(self, name: str, *, loader: object, templar: object) -> Any: ...

lookup_loader: _Loader
