"""The services of one installation, side by side."""

from __future__ import annotations

from vibecore.services.analytics import AnalyticsService
from vibecore.services.api_keys import ApiKeyService
from vibecore.services.audit import AuditService
from vibecore.services.auth import AuthService
from vibecore.services.deployments import DeploymentService
from vibecore.services.emails import EmailService
from vibecore.services.files import FileService
from vibecore.services.maintenance import MaintenanceService
from vibecore.services.notifications import NotificationService
from vibecore.services.passwords import PasswordService
from vibecore.services.projects import ProjectService
from vibecore.services.quality import QualityService
from vibecore.services.reviews import ReviewService
from vibecore.services.second_factors import SecondFactorService
from vibecore.services.sessions import SessionService
from vibecore.services.tests import TestService
from vibecore.services.users import UserService
from vibecore.services.work import Work


class Services:
    """One attribute per noun. All of them run on the same work."""

    def __init__(self, work: Work) -> None:
        self.auth: AuthService = AuthService(work)
        self.api_keys: ApiKeyService = ApiKeyService(work)
        self.passwords: PasswordService = PasswordService(work)
        self.emails: EmailService = EmailService(work)
        self.sessions: SessionService = SessionService(work)
        self.second_factors: SecondFactorService = SecondFactorService(work)
        self.users: UserService = UserService(work)
        self.projects: ProjectService = ProjectService(work)
        self.files: FileService = FileService(work)
        self.deployments: DeploymentService = DeploymentService(work)
        self.reviews: ReviewService = ReviewService(work)
        self.tests: TestService = TestService(work)
        self.quality: QualityService = QualityService(work)
        self.notifications: NotificationService = NotificationService(work)
        self.audit: AuditService = AuditService(work)
        self.analytics: AnalyticsService = AnalyticsService(work)
        self.maintenance: MaintenanceService = MaintenanceService(work)
