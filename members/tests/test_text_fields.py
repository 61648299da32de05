"""What people write is cleaned on every way into the database."""

import pytest
from django import forms
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models

from conftest import make_member
from members.models import Member, Organization
from members.services.people import change_profile
from members.text_fields import CleanCharField, CleanFormField, CleanTextField
from teams.forms import QuestionForm
from teams.models import FaqEntry, Question

TYPED, CLEAN = "\u202aAna\u200b Ex\u00adample\u202c\ufeff", "Ana Example"
# Columns that no person writes; domains, areas, dates and languages: they have a normal form of
# their own, like addresses.
NOT_WRITTEN = {
    "members.bounce.status_code",
    "members.organization.suggested_domain",
    "members.emaildomain.domain",
    "members.siteidentity.logo_digest",
    "teams.goal.area_codes",
    "teams.resource.language",
    "teams.resource.link_problem",
    "teams.resource.published_on",
    "teams.targetarea.area_code",
}
NOT_TEXT = (models.EmailField, models.URLField, models.SlugField)


def test_every_column_that_people_write_is_a_clean_one():
    plain = [
        f"{model._meta.label_lower}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in {"members", "teams"} and hasattr(model, "history")
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        and not isinstance(field, (CleanCharField, CleanTextField, *NOT_TEXT))
        and not field.choices
        and field.name not in {"normalized_name", "search_text"}
    ]
    assert set(plain) <= NOT_WRITTEN


@pytest.mark.both_databases
def test_clean_column_stores_clean_text_however_it_comes_there(db):
    member = make_member("ana@rush.example")
    for store in (
        lambda: Member.objects.filter(pk=member.pk).update(full_name=TYPED),
        lambda: Member(pk=member.pk, email=member.email, full_name=TYPED).save(),
        lambda: change_profile(member, full_name=TYPED, job_title=TYPED, shares_email=False),
    ):
        Member.objects.filter(pk=member.pk).update(full_name="")
        store()
        assert Member.objects.get(pk=member.pk).full_name == CLEAN
    assert Member.objects.get(full_name=TYPED) == member
    assert Member.history.filter(id=member.pk).latest().full_name == CLEAN
    Organization.objects.bulk_create([Organization(name=TYPED, normalized_name="ana example")])
    assert Organization.objects.named(TYPED).get().name == CLEAN


def test_clean_column_checks_the_clean_text(db):
    organization = Organization(name="\u200b\u202e")
    with pytest.raises(ValidationError, match="cannot be blank"):
        organization.clean_fields()
    entry = FaqEntry(question=TYPED, answer="one\u200b\n\n- two", slug="one")
    entry.full_clean(exclude=["search_text"])
    assert (entry.question, entry.answer) == (CLEAN, "one\n\n- two")


def test_form_of_a_clean_column_has_clean_data(db):
    form_class = forms.modelform_factory(FaqEntry, fields=["question", "answer"])
    form = form_class({"question": TYPED, "answer": "one\u200b\n\n- two"})
    assert form.is_valid()
    assert form.cleaned_data == {"question": CLEAN, "answer": "one\n\n- two"}


def test_clean_form_field_counts_and_requires_what_is_seen():
    field = CleanFormField(max_length=len(CLEAN))
    assert field.clean(TYPED) == CLEAN
    for empty in ("\u200b", " \u202e\u00a0", None):
        with pytest.raises(ValidationError, match="required"):
            field.clean(empty)


def test_question_is_stored_with_its_lines_and_without_what_nobody_sees(db):
    form = QuestionForm({"text": "May\u200b we?\r\n\r\n\u202eYes\u202c"})
    form.full_clean()
    assert form.cleaned_data["text"] == "May we?\n\nYes"
    assert isinstance(Question._meta.get_field("text"), CleanTextField)


def test_join_page_takes_a_name_without_what_nobody_sees(client, team):
    page = client.post("/join/", {"full_name": "\u200b\u2066", "email": "a"})
    assert page.context["form"].errors["full_name"] == ["Enter your full name"]
