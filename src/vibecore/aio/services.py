"""The services, awaited: one line for each method, one class for each service. Their docstrings are the services'."""

from __future__ import annotations

from vibecore.aio.calls import Calls
from vibecore.aio.service import AsyncService, awaited, streamed
from vibecore.bootstrap.services import Services
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


class AsyncAuthService(AsyncService[AuthService]):
    """`avibe.auth`."""

    register = awaited(AuthService.register)
    login = awaited(AuthService.login)
    complete_challenge = awaited(AuthService.complete_challenge)
    begin_enrolment = awaited(AuthService.begin_enrolment)
    complete_enrolment = awaited(AuthService.complete_enrolment)
    authenticate = awaited(AuthService.authenticate)
    logout = awaited(AuthService.logout)


class AsyncApiKeyService(AsyncService[ApiKeyService]):
    """`avibe.api_keys`."""

    create = awaited(ApiKeyService.create)
    authenticate = awaited(ApiKeyService.authenticate)
    page = awaited(ApiKeyService.page)
    revoke = awaited(ApiKeyService.revoke)


class AsyncPasswordService(AsyncService[PasswordService]):
    """`avibe.passwords`."""

    change = awaited(PasswordService.change)
    request_reset = awaited(PasswordService.request_reset)
    reset = awaited(PasswordService.reset)


class AsyncEmailService(AsyncService[EmailService]):
    """`avibe.emails`."""

    request_verification = awaited(EmailService.request_verification)
    verify = awaited(EmailService.verify)
    request_change = awaited(EmailService.request_change)
    change = awaited(EmailService.change)


class AsyncSessionService(AsyncService[SessionService]):
    """`avibe.sessions`."""

    page = awaited(SessionService.page)
    revoke = awaited(SessionService.revoke)
    revoke_others = awaited(SessionService.revoke_others)
    revoke_all = awaited(SessionService.revoke_all)
    rotate = awaited(SessionService.rotate)
    reauthenticate = awaited(SessionService.reauthenticate)


class AsyncSecondFactorService(AsyncService[SecondFactorService]):
    """`avibe.second_factors`."""

    status = awaited(SecondFactorService.status)
    enrol = awaited(SecondFactorService.enrol)
    confirm = awaited(SecondFactorService.confirm)
    disable = awaited(SecondFactorService.disable)
    new_recovery_codes = awaited(SecondFactorService.new_recovery_codes)
    reset = awaited(SecondFactorService.reset)
    rotate_keys = awaited(SecondFactorService.rotate_keys)


class AsyncUserService(AsyncService[UserService]):
    """`avibe.users`."""

    get = awaited(UserService.get)
    find = awaited(UserService.find)
    find_by_email = awaited(UserService.find_by_email)
    page = awaited(UserService.page)
    update = awaited(UserService.update)
    set_role = awaited(UserService.set_role)
    disable = awaited(UserService.disable)
    enable = awaited(UserService.enable)
    delete = awaited(UserService.delete)
    unlock = awaited(UserService.unlock)
    create_admin = awaited(UserService.create_admin)


class AsyncProjectService(AsyncService[ProjectService]):
    """`avibe.projects`."""

    create = awaited(ProjectService.create)
    get = awaited(ProjectService.get)
    find = awaited(ProjectService.find)
    page = awaited(ProjectService.page)
    search = awaited(ProjectService.search)
    update = awaited(ProjectService.update)
    set_status = awaited(ProjectService.set_status)
    archive = awaited(ProjectService.archive)
    restore = awaited(ProjectService.restore)
    transfer = awaited(ProjectService.transfer)
    derive_tech_stack = awaited(ProjectService.derive_tech_stack)
    members = awaited(ProjectService.members)
    add_member = awaited(ProjectService.add_member)
    set_member_role = awaited(ProjectService.set_member_role)
    remove_member = awaited(ProjectService.remove_member)


class AsyncFileService(AsyncService[FileService]):
    """`avibe.files`."""

    write = awaited(FileService.write)
    make_folder = awaited(FileService.make_folder)
    move = awaited(FileService.move)
    rename = awaited(FileService.rename)
    copy = awaited(FileService.copy)
    delete = awaited(FileService.delete)
    import_tree = awaited(FileService.import_tree)
    export_tree = awaited(FileService.export_tree)
    read = awaited(FileService.read)
    get = awaited(FileService.get)
    find = awaited(FileService.find)
    tree = awaited(FileService.tree)
    children = awaited(FileService.children)
    search = awaited(FileService.search)
    page = awaited(FileService.page)


class AsyncDeploymentService(AsyncService[DeploymentService]):
    """`avibe.deployments`."""

    create = awaited(DeploymentService.create)
    transition = awaited(DeploymentService.transition)
    record_metrics = awaited(DeploymentService.record_metrics)
    retry = awaited(DeploymentService.retry)
    rollback = awaited(DeploymentService.rollback)
    get = awaited(DeploymentService.get)
    find = awaited(DeploymentService.find)
    running = awaited(DeploymentService.running)
    page = awaited(DeploymentService.page)
    page_archived = awaited(DeploymentService.page_archived)
    environments = awaited(DeploymentService.environments)
    append_logs = awaited(DeploymentService.append_logs)
    read_logs = awaited(DeploymentService.read_logs)
    stream_logs = streamed(DeploymentService.stream_logs)


class AsyncReviewService(AsyncService[ReviewService]):
    """`avibe.reviews`."""

    record = awaited(ReviewService.record)
    run = awaited(ReviewService.run)
    import_sarif = awaited(ReviewService.import_sarif)
    export_sarif = awaited(ReviewService.export_sarif)
    latest = awaited(ReviewService.latest)
    get = awaited(ReviewService.get)
    find = awaited(ReviewService.find)
    page = awaited(ReviewService.page)


class AsyncTestService(AsyncService[TestService]):
    """`avibe.tests`."""

    record = awaited(TestService.record)
    get = awaited(TestService.get)
    find = awaited(TestService.find)
    page = awaited(TestService.page)


class AsyncQualityService(AsyncService[QualityService]):
    """`avibe.quality`."""

    assess = awaited(QualityService.assess)
    history = awaited(QualityService.history)


class AsyncNotificationService(AsyncService[NotificationService]):
    """`avibe.notifications`."""

    page = awaited(NotificationService.page)
    unread_count = awaited(NotificationService.unread_count)
    mark_read = awaited(NotificationService.mark_read)
    mark_unread = awaited(NotificationService.mark_unread)
    mark_all_read = awaited(NotificationService.mark_all_read)
    delete = awaited(NotificationService.delete)
    tell = awaited(NotificationService.tell)
    preferences = awaited(NotificationService.preferences)
    set_preference = awaited(NotificationService.set_preference)
    find_webhook = awaited(NotificationService.find_webhook)
    set_webhook = awaited(NotificationService.set_webhook)
    remove_webhook = awaited(NotificationService.remove_webhook)


class AsyncAuditService(AsyncService[AuditService]):
    """`avibe.audit`."""

    page = awaited(AuditService.page)


class AsyncAnalyticsService(AsyncService[AnalyticsService]):
    """`avibe.analytics`."""

    recent_activity = awaited(AnalyticsService.recent_activity)
    project_file_stats = awaited(AnalyticsService.project_file_stats)
    deployment_success_rate = awaited(AnalyticsService.deployment_success_rate)
    daily_project_stats = awaited(AnalyticsService.daily_project_stats)
    user_activity = awaited(AnalyticsService.user_activity)
    system_health = awaited(AnalyticsService.system_health)


class AsyncMaintenanceService(AsyncService[MaintenanceService]):
    """`avibe.maintenance`."""

    archive_deployments = awaited(MaintenanceService.archive_deployments)
    refresh_analytics = awaited(MaintenanceService.refresh_analytics)
    prepare_audit = awaited(MaintenanceService.prepare_audit)
    purge_sign_in = awaited(MaintenanceService.purge_sign_in)
    deliver_notifications = awaited(MaintenanceService.deliver_notifications)
    revive_deliveries = awaited(MaintenanceService.revive_deliveries)
    purge_notifications = awaited(MaintenanceService.purge_notifications)
    index_contents = awaited(MaintenanceService.index_contents)


class AsyncServices:
    """One attribute per noun."""

    def __init__(self, services: Services, calls: Calls) -> None:
        self.auth = AsyncAuthService(services.auth, calls)
        self.api_keys = AsyncApiKeyService(services.api_keys, calls)
        self.passwords = AsyncPasswordService(services.passwords, calls)
        self.emails = AsyncEmailService(services.emails, calls)
        self.sessions = AsyncSessionService(services.sessions, calls)
        self.second_factors = AsyncSecondFactorService(services.second_factors, calls)
        self.users = AsyncUserService(services.users, calls)
        self.projects = AsyncProjectService(services.projects, calls)
        self.files = AsyncFileService(services.files, calls)
        self.deployments = AsyncDeploymentService(services.deployments, calls)
        self.reviews = AsyncReviewService(services.reviews, calls)
        self.tests = AsyncTestService(services.tests, calls)
        self.quality = AsyncQualityService(services.quality, calls)
        self.notifications = AsyncNotificationService(services.notifications, calls)
        self.audit = AsyncAuditService(services.audit, calls)
        self.analytics = AsyncAnalyticsService(services.analytics, calls)
        self.maintenance = AsyncMaintenanceService(services.maintenance, calls)
