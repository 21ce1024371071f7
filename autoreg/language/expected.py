"""What may stand at a place of a question, in words."""

import re

_EVENT = "HIT COUNT RUN WORD NOT LPAR NAME STRING"

# What a person would write where all of these terminals may stand; greater sets first.
_THINGS = (
    (
        "PROBABILITY LOG SAMPLE MARGINAL ARGMAX ENTROPY SURPRISE LOOK INFORMATION DIVERGENCE "
        "HITTING",
        "a question such as P(digit | x), log P(x | digit=7), H(digit | x) or sample(x)",
    ),
    (
        f"{_EVENT} INT DOTS LBRACE",
        'a file such as "clip.wav", a set such as {0..3, 7}, or an event such as hit(x, 0..3)',
    ),
    (
        "HIT COUNT RUN WORD LPAR NAME STRING INT SECONDS MINUS",
        "a position such as 50, or an event such as hit(x, 0..3)",
    ),
    (
        _EVENT,
        "a region such as x[:392], a factor such as digit, a label such as digit=7, or an event "
        "such as hit(x, 0..3)",
    ),
    (
        "INT SECONDS NAME MINUS COLON NOT",
        "a position or region such as 3, :392, 0s:0.2s or not mask",
    ),
    ("INT SECONDS NAME MINUS COLON", "a position or region such as 3, :392 or 0s:0.2s"),
    ("INT SECONDS NAME MINUS", "a position such as 392, t or 0.2s"),
    ("INT SECONDS NAME", "a number, a time or a name"),
    ("INT DOTS LBRACE NAME", "symbols such as 3, 0..3 or {1, 5..9}"),
    ("INT DOTS NAME", "symbols such as 3 or 0..3"),
    ("INT FLOAT MINUS", "a number such as -0.1"),
    ("INT NAME STRING", 'a label such as 7, theo or "van Gogh"'),
    ("INT FLOAT", "a probability such as 0.5"),
    ("INT SECONDS", "a number such as 28 or a time such as 0.5s"),
    ("LPAR NAME", "training, uniform or (digit: {0: 0.5, 1: 0.5})"),
    ("NAME STRING", "a region such as x[:392] or a factor such as digit"),
    ("LENGTH PRIOR BY WITH FOR", "a clause (length, prior, by, with, for)"),
)

# In the order in which they are told. What joins events or goes on with a sum is left out: what
# ends them may stand there too.
_ALONE = {
    "NAME": "a name",
    "STRING": "a text in quotes",
    "INT": "a whole number",
    "COMPARISON": ">=, <= or ==",
    "PROBABILITY": "P",
    "ODDS": "odds",
    "STEP": "step",
    "PATHS": "paths",
    "LPAR": "'('",
    "LBRACE": "'{'",
    "LSQB": "'['",
    "EQUAL": "'='",
    "IN": "in",
    "WITHIN": "within",
    "DOTS": "'..'",
    "BARS": "'||'",
    "STAR": "'*'",
    "COLON": "':'",
    "SEMICOLON": "';'",
    "VBAR": "'|'",
    "COMMA": "','",
    "RPAR": "')'",
    "RSQB": "']'",
    "RBRACE": "'}'",
    "$END": "the end",
}

_LABEL = "a label such as digit=7"

# (what came, what stood before it) -> what was probably meant.
_HINTS = (
    (r"\.\.", r"\[[^\]]*$", "regions are half open and written a:b"),
    (r":", r"\b(in|within)\b[^\[|]*$", "a range of values is written a..b"),
    (r"=", r"=$", "a label is given by one ="),
    (r"\(", r"\b(hit|count|run|word)\s*$", "events stand in P(...) only"),
    (r"&|&&|\^", r"", "write and"),
    (r"!|!=|~", r"", "write not"),
    (r"\|", r"\|[^|]*$", "there is one bar; what is given is separated by commas"),
    (r"'", r"", 'texts are written in double quotes, "..."'),
)


def expected(accepted: set[str], got: str, before: str) -> str:
    """Return what was expected and what came, for a person who knows no grammar.

    Args:
        accepted: The terminals of the grammar that could have come.
        got: What came; empty at the end.
        before: The text until there.

    Example:
        >>> expected({"RSQB", "COMMA"}, ")", "P(digit | x[:392")
        "expected ',' or ']'; got ')'"
    """
    left, things = set(accepted), []
    for terminals, thing in _THINGS:
        if left.issuperset(terminals.split()):
            left.difference_update(terminals.split())
            label = terminals == "NAME STRING" and re.search(r"(KL|odds)\s*\([^|:]*$", before)
            things.append(_LABEL if label else thing)
    things += [word for terminal, word in _ALONE.items() if terminal in left]
    wanted = things[0] if len(things) == 1 else ", ".join(things[:-1]) + f" or {things[-1]}"
    told = f"expected {wanted}; got {repr(got) if got else 'the end'}"
    hints = [
        hint
        for came, behind, hint in _HINTS
        if re.fullmatch(came, got) and re.search(behind, before)
    ]
    return f"{told} ({hints[0]})" if hints else told
