"""The engine alone: what it costs to evaluate a pod that is well kept, without transport and decoding."""

from __future__ import annotations

import timeit

import msgspec

from bench.reviews import Scenario, pod
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.engine.policies import compile_policy, compile_regime
from stridegate.model.pods import PodTemplate
from stridegate.model.policies import Policy
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Action, Patching, Profile

_TIMES = 2000


def microseconds_per_evaluation(profile: Profile, rounds: int) -> list[float]:
    """Return, for each round, the time of one evaluation of a clean pod at a profile; making the view of the pod counts too."""
    policy = Policy(name=NAME, profile=profile, action=Action.DENY, patching=Patching.NONE)
    regime = compile_regime({NAME: compile_policy(policy, POD_RULES.values())})
    template = msgspec.convert(pod(Scenario.CLEAN), PodTemplate)
    if evaluate(regime.questions, PodView(template)):
        raise AssertionError("the clean pod is not clean")
    timer = timeit.Timer(lambda: evaluate(regime.questions, PodView(template)))
    return [seconds / _TIMES * 1e6 for seconds in timer.repeat(rounds, _TIMES)]


NAME = "bench"
