"""What all tests share: how hypothesis searches."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "coskit",
    deadline=None,
    max_examples=20,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("coskit")
