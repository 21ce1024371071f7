"""Text to questions.

A question reads as probability is written: what is asked, a bar, what is given. ::

    P(digit | x[:392])                        the posterior of a factor
    P(digit=7, speaker=theo | x)              of one label of each
    log P(x | digit=7)                        a likelihood
    P(x[100] in 128..255 | x[:100])           of a set of symbols
    P(x[0.1s:0.15s] within -0.1..0.1 | ...)   of a range in the signal's own units
    P(hit(x, 0..3) before 50 | x[:20])        of an event
    hitting(x, 0..3 | x[:20])                 the law of the time of the first hit
    sample(x[14:28, :] | x[:14, :], digit=4) * 16
    marginal(x[14:28, :] | x[:14, :])         of each hidden position by itself
    argmax(digit, x[400:] | x[:400])          the most likely values
    H(digit | x[:t]) for t in 0..784 step 28  entropies; surprise(x | digit=7) at each position
    I(digit; x[50] | x[:50])                  what a position would tell of a factor
    look(digit | x[mask])                     the same for all that is hidden: where to look next
    KL(digit=3 || digit=8)                    how well two conditions can be told apart
    log odds(digit=3 : digit=8 | x)           how well x tells them apart

**Places.** ``x[i]`` and ``x[a:b]`` count along the scan, half open, from the end where negative,
``x[a:b:c]`` each c-th; ``x[r, c]`` are rows and columns of a picture; ``x[0.1s:0.2s]`` is time
(``100ms`` is ``0.1s``); ``x[mask]`` and ``x[not mask]`` are where a bound mask is true, or not.
Bounds may be sums: ``x[t:t+28]``. Several places are separated by commas: ``x[:9], x[20:]``.

**Sets** are of symbols: ``3``, ``0..3`` (both included), ``128..``, ``{1, 3, 5..9}``, or a name.
``within`` says amplitudes, grey levels or numbers instead: the units of the signal.

**Events** read the symbols of a place in the order of the scan, the seen ones too: ``hit(x, S)``,
``count(x, S) >= 3`` (also <=, ==, <, >), ``run(x, S) >= 5``, ``word(x, [1, 2, 3])``,
``hit(x, S) before 50``, ``hit(x, S) before hit(x, R)``, ``x[3:5] in S``; and ``not``, ``and``,
``or``, parentheses, in this order of binding. A comma on the left is an ``and``.

**Clauses** come last, in any order: ``length 200`` or ``length 0.5s`` (of sounds that nothing else
gives a length), ``prior training``, ``prior(digit: {0: 0.5, 1: 0.5})`` (labels that are not named
have probability 0), ``by METHOD``, ``with 4096 paths``, ``for t in a..b step c`` (b included).

**Answers** are natural logs of probabilities, of ``P(...)`` too, else nats. ``H(digit | x[:9])``
is the entropy where x is what it is bound to, not an average over x. ``log odds`` are those of the
posterior: with a uniform prior, how well x tells two labels apart. ``argmax`` is of all that is
open, together; its value is log p of what it finds and what is given. ``hitting`` looks at what
follows the observed beginning. What is neither asked for nor given is summed out.

**Scripts** have one question a line, or a name for a file, a set or an event: ``x = "clip.wav"``,
``S = {0..3, 7}``, ``A = hit(x, S)``. What ``#`` begins is a comment.

**Names.** A bare name is, in this order: the variable of the loop, what the text or the caller
bound it to, the signal if it is ``x``, a factor of the model. After ``=`` it is a label, or the
value of the loop's variable. What is in quotes is nothing but a factor, or after ``=`` a label:
quote the factor that is called ``x`` or ``hit``, and labels that are no plain words,
``"speaker"="van Gogh"``.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from autoreg.language.errors import QuestionError, Source, pointing
from autoreg.language.expected import expected
from autoreg.language.places import Name, Place
from autoreg.language.question import Binding, Question
from autoreg.language.tree import build

START = ["question", "binding", "index"]
_BINDING = re.compile(r"\s*[^\W\d]\w*\s*=(?!=)")


def parse(text: str) -> Question:
    """Return the question that a text asks.

    Raises:
        QuestionError: The text is no question; the error points at the first thing that is wrong.

    Example:
        >>> question = parse("P(digit|x[ :392 ])  # after half of the pixels")
        >>> str(question), question == parse(str(question))
        ('P(digit | x[:392])', True)
        >>> parse("P(digit | x[:392)")
        Traceback (most recent call last):
        autoreg.language.errors.QuestionError: column 17: expected ':', ',' or ']'; got ')'
            P(digit | x[:392)
                            ^
    """
    return _parse(Source(text), "question")


def parse_line(source: Source) -> Question | Binding | None:
    """Return what a line of a script says; None of one with nothing but a comment."""
    if not source.text.partition("#")[0].strip():
        return None
    return _parse(source, "binding" if _BINDING.match(source.text) else "question")


def parse_region(text: str, signal: str = "x") -> Place:
    """Return the region of a signal that a text names, as between the brackets of ``x[...]``.

    Example:
        >>> str(parse_region("2:6, :"))
        'x[2:6, :]'
    """
    index = _parse(Source(text), "index")
    return Place(Name(signal), index)


def _parse(source: Source, start: str) -> Any:  # noqa: ANN401 - as the grammar's start makes it
    with pointing(source):
        try:
            tree = _grammar().parse(source.text, start=start)
        except UnexpectedInput as error:
            raise _explained(error, source.text) from None
        return build(tree)


@cache
def _grammar() -> Lark:
    text = Path(__file__).with_name("grammar.lark").read_text("utf-8")
    return Lark(text, parser="lalr", start=START, propagate_positions=True)


def _explained(error: UnexpectedInput, text: str) -> QuestionError:
    accepted, at, got = set[str](), error.pos_in_stream or 0, ""
    if isinstance(error, UnexpectedToken):
        accepted, at = set(error.accepts or error.expected), error.token.start_pos or 0
        got = str(error.token)
        if error.token.type == "$END":
            at, got = error.token.end_pos or 0, ""
    elif isinstance(error, UnexpectedCharacters):
        accepted, got = set(error.allowed or ()), text[at]
    return QuestionError(expected(accepted, got, text[:at]), at)
