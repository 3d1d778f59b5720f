# The C kernel, see native.py.

def pack(first: int, second: int, weights: object, biases: object, chances: object) -> object: ...
def encode(model: object, instructions: str, flat: object, rows: int, columns: int) -> bytes: ...
def decode(model: object, instructions: str, flat: object, rows: int, columns: int, data: bytes) -> str | None: ...
def quantise(
    model: object,
    instructions: str,
    flat: object,
    rows: int,
    columns: int,
    scaled: object,
    price: float,
    inward: float,
    finest: int,
    coarsest: int,
) -> str | None: ...
def analyse(plane: object, flat: object, rows: int, columns: int) -> None: ...
def synthesise(plane: object, flat: object, rows: int, columns: int) -> None: ...
def pack_lifting(width: int, kinds: int, weights: object, biases: object) -> object: ...
def expect(
    model: object,
    instructions: str,
    level: int,
    rows: int,
    columns: int,
    unit: int,
    beside: int,
    below: int,
    corner: int,
    low: object,
    details: object,
) -> None: ...
def join(
    model: object,
    instructions: str,
    level: int,
    rows: int,
    columns: int,
    unit: int,
    beside: int,
    below: int,
    corner: int,
    low: object,
    rest: object,
    expected: object,
    plane: object,
) -> None: ...
def instruction_sets() -> list[str]: ...
