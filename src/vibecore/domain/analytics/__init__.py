"""Analytics: the rows of the three views and the three materialized views, and the pure definition of each.

The definitions are what the memory backend computes and what `migrations/sql/V3_views.sql` is held against. Rules that
all six share: days are UTC days, empty sums are 0, a rate or mean over nothing is None, no float takes part, and every
rounding is half away from zero at a stated place.
"""

from vibecore.domain.analytics.records import (
    Activity,
    DailyStats,
    DeploymentRate,
    FileStats,
    LanguageStats,
    RefreshReport,
    SystemHealth,
    UserActivity,
)

__all__ = [
    "Activity",
    "DailyStats",
    "DeploymentRate",
    "FileStats",
    "LanguageStats",
    "RefreshReport",
    "SystemHealth",
    "UserActivity",
]
