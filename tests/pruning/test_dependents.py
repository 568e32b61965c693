"""Pruning in projects whose models refer to sessions, families or events."""

from contextlib import contextmanager

import pytest
from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.db.models.signals import post_delete, pre_delete

from refresh_sessions.bulk_delete import BulkDeletion
from refresh_sessions.events import prune_events
from refresh_sessions.models import DeviceSession, ProofAttempts, SessionEvent, TokenFamily
from refresh_sessions.sessions import prune_sessions
from tests.pruning.builders import NOW, long_expired

MODELS = (DeviceSession, TokenFamily, SessionEvent)

each_model = pytest.mark.parametrize("model", MODELS)


def is_independent(model=DeviceSession, **children):
    children = children or {"families": TokenFamily, "events": SessionEvent}
    deletion = BulkDeletion(
        rows=model._base_manager.all(),
        oldest_by="created_at",
        children=dict.fromkeys(children.values(), "session"),
    )
    return deletion._is_independent()


@contextmanager
def defined(*bases, **attributes):
    """Define a model of the project for one test."""
    label = "refresh_sessions"
    before = set(apps.all_models[label])
    meta = type("Meta", (), {"app_label": label})
    try:
        yield type("Note", bases, {"Meta": meta, "__module__": __name__, **attributes})
    finally:
        for name in set(apps.all_models[label]) - before:
            del apps.all_models[label][name]
        apps.clear_cache()


def references(model):
    """The ways in which a model of a project can refer to a model."""
    names = {"related_name": "+"}
    yield "foreign key", lambda: defined(models.Model, to=models.ForeignKey(model, models.CASCADE))
    yield (
        "hidden foreign key",
        lambda: defined(models.Model, to=models.ForeignKey(model, models.CASCADE, **names)),
    )
    yield (
        "foreign key set to null",
        lambda: defined(models.Model, to=models.ForeignKey(model, models.SET_NULL, null=True)),
    )
    yield (
        "foreign key without action",
        lambda: defined(models.Model, to=models.ForeignKey(model, models.DO_NOTHING)),
    )
    yield (
        "one to one",
        lambda: defined(models.Model, to=models.OneToOneField(model, models.PROTECT, **names)),
    )
    yield "many to many", lambda: defined(models.Model, to=models.ManyToManyField(model, **names))
    yield "child", lambda: defined(model)


@pytest.mark.parametrize("kind", [kind for kind, _ in references(DeviceSession)])
@each_model
def test_reference_of_project_makes_deletion_cascade(model, kind):
    assert is_independent()
    with dict(references(model))[kind]():
        assert not is_independent()
    assert is_independent()


@each_model
def test_generic_relation_makes_deletion_cascade(model):
    note = defined(
        models.Model,
        content_type=models.ForeignKey(ContentType, models.CASCADE),
        object_id=models.TextField(),
        to=GenericForeignKey(),
    )
    with note as related:
        relation = GenericRelation(related)
        relation.contribute_to_class(model, "notes")
        try:
            assert not is_independent()
        finally:
            model._meta.private_fields.remove(relation)
            del model.notes
            model._meta._expire_cache()
    assert is_independent()


@pytest.mark.parametrize("signal", [pre_delete, post_delete], ids=["before", "after"])
@pytest.mark.parametrize("sender", [*MODELS, None])
def test_receiver_of_project_makes_deletion_cascade(signal, sender):
    def receive(**_):
        pass

    signal.connect(receive, sender=sender)
    try:
        assert not is_independent()
    finally:
        signal.disconnect(receive, sender=sender)
    assert is_independent()


def test_receiver_of_other_model_leaves_deletion_direct():
    def receive(**_):
        pass

    pre_delete.connect(receive, sender=ProofAttempts)
    try:
        assert is_independent()
    finally:
        pre_delete.disconnect(receive, sender=ProofAttempts)


@contextmanager
def table_of(note):
    with note as model:
        with connection.schema_editor() as editor:
            editor.create_model(model)
        try:
            yield model
        finally:
            with connection.schema_editor() as editor:
                editor.delete_model(model)


@pytest.mark.django_db(transaction=True)
@each_model
def test_prune_deletes_rows_of_project_by_their_rule(model):
    long_expired(5)
    note = defined(
        models.Model,
        to=models.ForeignKey(model, models.CASCADE, related_name="+"),
        seen=models.ForeignKey(model, models.SET_NULL, null=True, related_name="+"),
    )
    with table_of(note) as notes:
        last = model.objects.last()
        notes.objects.bulk_create(notes(to=row, seen=last) for row in model.objects.all())
        if model is SessionEvent:
            assert prune_events(older_than=NOW, batch_size=4) == 10
        assert prune_sessions(batch_size=2) == 5
        assert not notes.objects.exists()
    assert [one.objects.count() for one in MODELS] == [0, 0, 0]


@pytest.mark.django_db(transaction=True)
def test_prune_clears_nullable_references_of_project():
    session = long_expired(1)[0]
    field = models.ForeignKey(DeviceSession, models.SET_NULL, null=True, related_name="+")
    with table_of(defined(models.Model, to=field)) as notes:
        note = notes.objects.create(to=session)
        assert prune_sessions() == 1
        note.refresh_from_db()
        assert note.to_id is None
