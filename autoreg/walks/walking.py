"""The walk, through whichever runtime serves a model fastest."""

from jaxtyping import Float, Int
from torch import Tensor

from autoreg.events import Rules
from autoreg.protocol import SequenceModel, State
from autoreg.walks import reference
from autoreg.walks.request import Walk, request


def walk(
    model: SequenceModel,
    state: State,
    rules: Rules,
    uniforms: Float[Tensor, "N L"],
    *,
    rule_state: Int[Tensor, " N"] | None = None,
    path: Int[Tensor, "N L"] | None = None,
    groups: int = 1,
    log_weights: Float[Tensor, " N"] | None = None,
    min_ess: float = 0.0,
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> Walk:
    """Move N paths through L positions, drawing each symbol within what the rules allow.

    At position t in automaton state d, with the rules' potentials, a symbol v of the set weighs
    p(v) exp(log_value[t+1, next(d, v)] - log_value[t, d]); without them, p(v). ``log_mass`` is the
    log of their sum and the draw is in proportion to them, by inversion: the smallest v whose
    cumulative weight (float64, ascending v) exceeds the uniform times the total. Nothing leads
    into, or out of, a state whose potential is -inf. A path on which nothing is allowed any more
    is dead: its mass is -inf once, then 0, and its symbols are 0.

    A model may bring a faster walk than the reference, ``model.fast_walk(request)``, which returns
    None where it does not serve. In float64 all runtimes draw equal symbols from equal uniforms;
    in float32 and bfloat16 the sums are added up in another order, so that masses differ by
    rounding and a draw only where its uniform falls that close to an edge.

    Args:
        model: Any sequence model.
        state: Where the paths stand, N rows.
        rules: What may be drawn, over L positions.
        uniforms: One number in [0, 1) per path and position, float64.
        rule_state: Where each path stands in the automaton; state 0 if None.
        path: Symbols >= 0 are taken, not drawn, while ``log_mass`` stays that of the set;
            negative ones are drawn.
        groups: The paths are this many equal consecutive groups.
        log_weights: Weights of the paths before the walk, for the effective sample size.
        min_ess: Stop after the position at which some group's effective sample size, of the
            weights times all masses so far, fell below this.
        temperature: Divides the log probabilities, which are then normalised anew. With
            ``top_p`` this walks another model, whose masses are reported. A large alphabet is then
            written out for one path after the other.
        top_p: Keep the likeliest symbols that together hold at least this probability, the fewest
            of them; of equally likely ones the smaller symbol comes first.

    Raises:
        ValueError: Shapes disagree, the temperature is not positive, top_p is not in (0, 1], or a
            forced symbol lies outside its set.
    """
    asked = request(
        model.num_symbols,
        state,
        rules,
        uniforms,
        rule_state=rule_state,
        path=path,
        groups=groups,
        log_weights=log_weights,
        min_ess=min_ess,
        temperature=temperature,
        top_p=top_p,
    )
    fast = getattr(model, "fast_walk", None)
    walked: Walk | None = None if fast is None else fast(asked)
    return reference.walk(model, asked) if walked is None else walked
