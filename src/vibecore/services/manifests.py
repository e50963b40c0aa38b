"""Manifests: which frameworks, databases and tools the dependencies of a project name.

A manifest was written by somebody: it can be anything. What is told of it is one of the names below or nothing.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from vibecore.domain.filters import Filter, field

F, I = "frameworks", "infrastructure"  # noqa: E741  # the two columns of the tables below

PYTHON: Final[dict[str, tuple[str, str]]] = {
    "aiohttp": (F, "aiohttp"), "celery": (F, "Celery"), "click": (F, "Click"), "django": (F, "Django"),
    "djangorestframework": (F, "Django REST framework"), "fastapi": (F, "FastAPI"), "flask": (F, "Flask"),
    "hypothesis": (F, "Hypothesis"), "jax": (F, "JAX"), "langchain": (F, "LangChain"), "litestar": (F, "Litestar"),
    "numpy": (F, "NumPy"), "pandas": (F, "pandas"), "polars": (F, "Polars"), "pydantic": (F, "Pydantic"),
    "pyramid": (F, "Pyramid"), "pytest": (F, "pytest"), "scikit-learn": (F, "scikit-learn"), "scipy": (F, "SciPy"),
    "scrapy": (F, "Scrapy"), "sqlalchemy": (F, "SQLAlchemy"), "starlette": (F, "Starlette"),
    "streamlit": (F, "Streamlit"), "tensorflow": (F, "TensorFlow"), "torch": (F, "PyTorch"),
    "tornado": (F, "Tornado"), "typer": (F, "Typer"),
    "asyncpg": (I, "PostgreSQL"), "boto3": (I, "AWS"), "confluent-kafka": (I, "Apache Kafka"),
    "elasticsearch": (I, "Elasticsearch"), "kafka-python": (I, "Apache Kafka"), "mysqlclient": (I, "MySQL"),
    "pika": (I, "RabbitMQ"), "psycopg": (I, "PostgreSQL"), "psycopg2": (I, "PostgreSQL"),
    "psycopg2-binary": (I, "PostgreSQL"), "pymongo": (I, "MongoDB"), "pymysql": (I, "MySQL"), "redis": (I, "Redis"),
}  # fmt: skip
NODE: Final[dict[str, tuple[str, str]]] = {
    "@angular/core": (F, "Angular"), "@nestjs/core": (F, "NestJS"), "@playwright/test": (F, "Playwright"),
    "@prisma/client": (F, "Prisma"), "astro": (F, "Astro"), "cypress": (F, "Cypress"), "electron": (F, "Electron"),
    "express": (F, "Express"), "fastify": (F, "Fastify"), "hono": (F, "Hono"), "jest": (F, "Jest"), "koa": (F, "Koa"),
    "mocha": (F, "Mocha"), "next": (F, "Next.js"), "nuxt": (F, "Nuxt"), "preact": (F, "Preact"),
    "prisma": (F, "Prisma"), "react": (F, "React"), "react-native": (F, "React Native"), "redux": (F, "Redux"),
    "solid-js": (F, "SolidJS"), "svelte": (F, "Svelte"), "tailwindcss": (F, "Tailwind CSS"), "vite": (F, "Vite"),
    "vitest": (F, "Vitest"), "vue": (F, "Vue.js"), "webpack": (F, "webpack"),
    "amqplib": (I, "RabbitMQ"), "aws-sdk": (I, "AWS"), "ioredis": (I, "Redis"), "kafkajs": (I, "Apache Kafka"),
    "mongodb": (I, "MongoDB"), "mongoose": (I, "MongoDB"), "mysql2": (I, "MySQL"), "pg": (I, "PostgreSQL"),
    "redis": (I, "Redis"),
}  # fmt: skip
GO: Final[dict[str, tuple[str, str]]] = {
    "github.com/gin-gonic/gin": (F, "Gin"), "github.com/go-chi/chi": (F, "chi"),
    "github.com/gofiber/fiber": (F, "Fiber"), "github.com/gorilla/mux": (F, "Gorilla"),
    "github.com/labstack/echo": (F, "Echo"), "github.com/spf13/cobra": (F, "Cobra"),
    "github.com/stretchr/testify": (F, "Testify"), "google.golang.org/grpc": (F, "gRPC"), "gorm.io/gorm": (F, "GORM"),
    "github.com/aws/aws-sdk-go": (I, "AWS"), "github.com/aws/aws-sdk-go-v2": (I, "AWS"),
    "github.com/jackc/pgx": (I, "PostgreSQL"),
    "github.com/lib/pq": (I, "PostgreSQL"), "github.com/redis/go-redis": (I, "Redis"),
    "github.com/segmentio/kafka-go": (I, "Apache Kafka"), "go.mongodb.org/mongo-driver": (I, "MongoDB"),
    "k8s.io/client-go": (I, "Kubernetes"),
}  # fmt: skip
RUST: Final[dict[str, tuple[str, str]]] = {
    "actix-web": (F, "Actix Web"), "axum": (F, "axum"), "bevy": (F, "Bevy"), "clap": (F, "clap"),
    "diesel": (F, "Diesel"), "leptos": (F, "Leptos"), "rocket": (F, "Rocket"), "serde": (F, "Serde"),
    "sqlx": (F, "SQLx"), "tauri": (F, "Tauri"), "tokio": (F, "Tokio"), "tonic": (F, "Tonic"), "yew": (F, "Yew"),
    "mongodb": (I, "MongoDB"), "rdkafka": (I, "Apache Kafka"), "redis": (I, "Redis"),
    "tokio-postgres": (I, "PostgreSQL"),
}  # fmt: skip
"""What a dependency stands for, by ecosystem."""

_WORKFLOW: Final = field("path").ends_with(".yml") | field("path").ends_with(".yaml")
INFRASTRUCTURE: Final[dict[str, Filter]] = {
    "Ansible": field("name").eq("ansible.cfg"),
    "Docker": field("name").among(["Dockerfile", "Containerfile"]) | field("name").starts_with("Dockerfile."),
    "Docker Compose": field("name").among(["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"]),
    "Forgejo Actions": field("path").starts_with(".forgejo/workflows/") & _WORKFLOW,
    "GitHub Actions": field("path").starts_with(".github/workflows/") & _WORKFLOW,
    "GitLab CI": field("path").eq(".gitlab-ci.yml"),
    "Helm": field("name").eq("Chart.yaml"),
    "Jenkins": field("name").eq("Jenkinsfile"),
    "Kubernetes": field("name").among(["kustomization.yaml", "kustomization.yml"]),
    "Pulumi": field("name").among(["Pulumi.yaml", "Pulumi.yml"]),
    "Terraform": field("name").ends_with(".tf") | field("name").ends_with(".tf.json"),
}
"""What the presence of a file stands for."""

MAX_DOTS: Final = 200
"""In one line of TOML."""
_PYTHON_NAME: Final = re.compile(r"[ \t]*([A-Za-z0-9][A-Za-z0-9._-]*)")
_GO_MODULE: Final = re.compile(r"^[ \t]*(?:require[ \t]+)?([a-z0-9][\w.~/-]*)[ \t]+v\d", re.MULTILINE)
_GO_VERSION: Final = re.compile(r"/v\d+$")


class Unreadable(Exception):  # a finding, not a failure
    """The manifest cannot be parsed, for `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def technologies(name: str, content: str | None) -> set[tuple[str, str]]:
    """(category, name) of what the manifest called `name` asks for. Raises Unreadable, and nothing else."""
    if content is None:
        raise Unreadable("is no text")
    table, parse = MANIFESTS[name]
    try:
        wanted = set(parse(content))
    except RecursionError:
        raise Unreadable("is nested too deeply") from None
    except ValueError:
        # Not the parser's words: they may quote the file.
        raise Unreadable("does not have the form of its name") from None
    return {table[dependency] for dependency in wanted if dependency in table}


def _pyproject(content: str) -> Iterator[str]:
    document = _toml(content)
    project = _object(document.get("project"))
    groups = [project.get("dependencies"), *_object(project.get("optional-dependencies")).values()]
    groups += _object(document.get("dependency-groups")).values()
    for group in groups:
        yield from _python_names(_texts(group))
    poetry = _object(_object(document.get("tool")).get("poetry"))
    tables = [poetry.get("dependencies"), poetry.get("dev-dependencies")]
    tables += [_object(group).get("dependencies") for group in _object(poetry.get("group")).values()]
    for table in tables:
        yield from _python_names(_object(table))


def _requirements(content: str) -> Iterator[str]:
    return _python_names(content.splitlines())


def _package_json(content: str) -> Iterator[str]:
    document = _object(json.loads(content))
    for section in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies"):
        yield from _object(document.get(section))


def _go_mod(content: str) -> Iterator[str]:
    for found in _GO_MODULE.finditer(content):
        yield _GO_VERSION.sub("", found[1])


def _cargo(content: str) -> Iterator[str]:
    document = _toml(content)
    places = [document, _object(document.get("workspace")), *map(_object, _object(document.get("target")).values())]
    for place in places:
        for section in ("dependencies", "dev-dependencies", "build-dependencies"):
            yield from _object(place.get(section))


MANIFESTS: Final[dict[str, tuple[dict[str, tuple[str, str]], Callable[[str], Iterable[str]]]]] = {
    "pyproject.toml": (PYTHON, _pyproject),
    "requirements.txt": (PYTHON, _requirements),
    "requirements-dev.txt": (PYTHON, _requirements),
    "package.json": (NODE, _package_json),
    "go.mod": (GO, _go_mod),
    "Cargo.toml": (RUST, _cargo),
}
"""By file name: what its dependencies stand for, and how they are read."""


def _toml(content: str) -> dict[str, Any]:
    # A dotted key costs tomllib the square of its parts: 60,000 of them take it half a minute.
    if any(line.count(".") > MAX_DOTS for line in content.split("\n")):
        raise Unreadable("is nested too deeply")
    return tomllib.loads(content)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _python_names(requirements: Iterable[str]) -> Iterator[str]:
    """The names that requirements begin with, normalised as PyPI does (PEP 503)."""
    for requirement in requirements:
        found = _PYTHON_NAME.match(requirement)
        if found is not None:
            yield re.sub(r"[-_.]+", "-", found[1]).lower()
