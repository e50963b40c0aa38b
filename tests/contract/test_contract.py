"""The whole contract suite, on every backend."""

from __future__ import annotations

from vibecore.testing.contract.audit import *  # noqa: F403
from vibecore.testing.contract.batches import *  # noqa: F403
from vibecore.testing.contract.concurrency import *  # noqa: F403
from vibecore.testing.contract.constraints import *  # noqa: F403
from vibecore.testing.contract.deployment_logs import *  # noqa: F403
from vibecore.testing.contract.deployments import *  # noqa: F403
from vibecore.testing.contract.files import *  # noqa: F403
from vibecore.testing.contract.filtering import *  # noqa: F403
from vibecore.testing.contract.members import *  # noqa: F403
from vibecore.testing.contract.pages import *  # noqa: F403
from vibecore.testing.contract.projects import *  # noqa: F403
from vibecore.testing.contract.quality import *  # noqa: F403
from vibecore.testing.contract.reads import *  # noqa: F403
from vibecore.testing.contract.reviews import *  # noqa: F403
from vibecore.testing.contract.savepoints import *  # noqa: F403
from vibecore.testing.contract.searches import *  # noqa: F403
from vibecore.testing.contract.streams import *  # noqa: F403
from vibecore.testing.contract.throttles import *  # noqa: F403
from vibecore.testing.contract.trees import *  # noqa: F403
from vibecore.testing.contract.units import *  # noqa: F403
from vibecore.testing.contract.users import *  # noqa: F403
from vibecore.testing.contract.validity import *  # noqa: F403
from vibecore.testing.contract.values import *  # noqa: F403
from vibecore.testing.contract.writes import *  # noqa: F403
