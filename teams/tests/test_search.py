"""What a search finds does not depend on how it is typed."""

import pytest

from teams.models import FaqEntry
from teams.models.synonyms import split_synonyms
from teams.search import MAX_CORRECTED_WORDS, Document, DocumentKey, SearchIndex, search
from teams.services.search_kinds import question_document
from teams.starter_content import QUESTIONS
from teams.starter_content import SYNONYMS as STARTER_SYNONYMS
from teams.stemming import matched_spans, same_words, stem

DOCUMENTS = [
    Document("faq", "email", "Can I change my email address?", "Enter the new one in My details."),
    Document("faq", "join", "Who can join?", "People of recognized employers, and HR departments."),
    Document("faq", "leave", "How do I leave a team?", "Open “My teams”. You’re out at once."),
    Document("faq", "code", "Do I need a password?", "No: to sign in, we send you a code."),
    Document(
        "meeting", 1, "Summit of the U.S. workforce", "On-line, at O’Hare, L’École, room 401."
    ),
]
SYNONYMS = [
    ["leave", "quit", "drop out"],
    ["employer", "hospital", "place of work"],
    ["sign in", "log in", "login"],
]


def found(query: str) -> list[str | int]:
    return [document.key for document in search(DOCUMENTS, query, SYNONYMS).matches]


@pytest.mark.parametrize(
    ("query", "key"),
    [
        # Case, accents, punctuation, quotes.
        *(("PASSWORD", "code"), ("pásswörd", "code"), ("password?!", "code")),
        *(("“password”", "code"), ("'password'", "code"), ("(password)", "code")),
        *(("you're out", "leave"), ("you’re out", "leave"), ("youre out", "leave")),
        *(("team's", "leave"), ("teams’", "leave"), ("ohare", 1), ("o'hare", 1), ("o hare", 1)),
        *(("ecole", 1), ("l'ecole", 1), ("u.s.", 1), ("US workforce", 1), ("h.r.", "join")),
        # Singular, plural, other forms.
        *(("passwords", "code"), ("codes", "code"), ("addresses", "email"), ("detail", "email")),
        *(("person", "join"), ("joining", "join"), ("joined", "join"), ("leaving", "leave")),
        *(("changing addresses", "email"), ("department", "join"), ("workforces", 1)),
        # Hyphens, and words written as one or as two.
        *(("e-mail", "email"), ("e mail", "email"), ("e‑mails", "email"), ("pass word", "code")),
        *(("pass-word", "code"), ("work-force", 1), ("work force", 1), ("online", 1)),
        *(("on-line", 1), ("on line", 1), ("signin", "code"), ("sign-in", "code")),
        # Typos, beginnings.
        *(("adress", "email"), ("adresses", "email"), ("emial", "email"), ("pasword", "code")),
        *(("passwrod", "code"), ("passsword", "code"), ("paswrod", "code"), ("jion", "join")),
        *(("jioning", "join"), ("recognised", "join"), ("emplyer", "join"), ("emploiers", "join")),
        *(("recog", "join"), ("addr", "email"), ("chnage adress", "email")),
        # Synonyms, also of more than one word, and misspelled.
        *(("quit", "leave"), ("quitting", "leave"), ("drop out", "leave"), ("drop-out", "leave")),
        *(("hospital", "join"), ("hospitals", "join"), ("hopsital", "join"), ("log in", "code")),
        *(("place of work", "join"), ("places of work", "join"), ("login", "code")),
        # Whole questions.
        *(("How can I change the address of my email?", "email"), ("who can join", "join")),
        *(("what do i do to quit my team", "leave"), ("401", 1), ("who", "join")),
    ],
)  # fmt: skip
def test_search_finds_what_is_meant(query, key):
    assert found(query)[:1] == [key]


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        "?!",
        "“”",
        "zebra",
        "emplow",
        "402",
        "tem",
        "cat",
        "email zebra",
        "%",
        "_",
        "' OR 1=1",
    ],
)
def test_search_finds_nothing_else(query):
    assert found(query) == []


@pytest.mark.parametrize("query", ["cost", "coin", "light"])
def test_search_takes_a_short_word_with_another_first_letter_for_another_word(query):
    texts = ["Most members join.", "Right, at night."]
    assert not search([Document("faq", text, text) for text in texts], query).matches
    assert search([Document("faq", 1, "The costs")], "csot").matches
    assert not search([Document("faq", 1, "Your profile")], "profit").matches


def test_search_puts_the_best_match_first():
    documents = [
        Document("faq", "text", "Aside", "A team, a team, and a team."),
        Document("faq", "part", "Which team should I choose, and may I choose more?", "Yes."),
        Document("faq", "whole", "What is a team?", "People."),
        Document("faq", "typo", "What is a taem?", "People."),
    ]
    assert [document.key for document in search(documents, "team").matches] == [
        "whole", "part", "text"
    ]  # fmt: skip
    assert search(documents, "Which team should I choose?").matches[0].key == "part"


def test_search_prefers_the_word_to_its_synonym():
    documents = [Document("faq", 1, "Quit it?"), Document("faq", 2, "Leave it?")]
    assert [document.key for document in search(documents, "leave", SYNONYMS).matches] == [2, 1]


def test_search_gives_the_same_order_whatever_order_it_is_given():
    documents = [Document("faq", key, title) for key, title in enumerate(["Team B", "Team A"])]
    keys = [document.key for document in search(documents, "team").matches]
    assert keys == [1, 0]
    assert keys == [document.key for document in search(documents[::-1], "team").matches]


def test_search_needs_three_quarters_of_a_long_query():
    assert found("change email address zebra") == ["email"]
    assert found("change address zebra zoo") == []


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("email zebra", ["email"]),
        ("hospitl zebras", ["join"]),
        ("passwordless", ["code"]),
        ("zebra", []),
    ],
)
def test_search_in_vain_names_what_is_nearest(query, keys):
    results = search(DOCUMENTS, query, SYNONYMS)
    assert results.matches == []
    assert [document.key for document in results.nearest] == keys


def test_search_finds_short_words_with_typos_where_all_of_them_are_near():
    titles = ["Skills list", "The last day", "Talk of skills"]
    documents = [Document("resource", title, title) for title in titles]
    results = search(documents, "skils lst")
    assert [document.key for document in results.matches] == ["Skills list"]
    assert results.suggestion == "skills list"
    assert not search(documents, "lst").matches
    assert not search(documents, "skils lst zebra").matches


def test_search_sees_only_the_documents_that_it_is_given():
    search(DOCUMENTS, "password")
    results = search(DOCUMENTS[:3], "passwrd")
    assert (results.matches, results.nearest) == ([], [])
    assert results.terms == frozenset()


def test_search_results_name_only_terms_that_were_found():
    # Not "place" and "work", which are synonyms only together.
    documents = [Document("faq", 1, "Which hospital?", "Work with us.")]
    assert search(documents, "employer", SYNONYMS).terms == {"hospital"}


def test_matched_spans_are_those_of_whole_words():
    text = "e-mails, email; mailing"
    assert [text[slice(*span)] for span in matched_spans(text, frozenset(["email"]))] == [
        "e-mails", "email"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "forms",
    [
        ["team", "teams"], ["policy", "policies"], ["address", "addresses"], ["box", "boxes"],
        ["nurse", "nurses", "nursing"], ["person", "people"], ["child", "children"],
        ["change", "changes", "changed", "changing"], ["hire", "hires", "hired", "hiring"],
        ["plan", "plans", "planned", "planning"], ["call", "calls", "called", "calling"],
        ["leave", "leaves", "leaving"], ["apply", "applies", "applied", "applying"],
        ["employee", "employees"], ["class", "classes"], ["status"], ["process", "processes"],
    ],
)  # fmt: skip
def test_stem_is_the_same_for_all_forms(forms):
    assert len(set(map(stem, forms))) == 1


@pytest.mark.parametrize(
    ("first", "second"), [("car", "care"), ("member", "number"), ("us", "use"), ("string", "str")]
)
def test_stem_differs_for_other_words(first, second):
    assert stem(first) != stem(second)


def test_same_words_compares_as_the_search_does():
    assert same_words("E-Mail", "emails")
    assert not same_words("email", "mail")
    assert not same_words("?", "?")


HIDDEN = Document("faq", "hidden", "A password for passwords", "Zebras leave the summit at noon.")


@pytest.mark.parametrize(
    "query",
    [
        "password",
        "pasword",
        "passwords",
        "zebra",
        "zebar",
        "zeb",
        "sumit",
        "noon",
        "nooon",
        "leave",
    ],
)
def test_search_of_an_index_sees_only_what_is_visible(query):
    """As if there were nothing else: which words are known, how much they count, what is near."""
    keys = [DocumentKey(document.kind, document.key) for document in DOCUMENTS]
    index = SearchIndex([*DOCUMENTS, HIDDEN], SYNONYMS)
    assert index.search(query, keys) == search(DOCUMENTS, query, SYNONYMS)
    assert index.search(query, []) == search([], query, SYNONYMS)


def test_search_of_an_index_ignores_what_it_does_not_know():
    index = SearchIndex(DOCUMENTS[:1])
    assert index.search("email", [DocumentKey("faq", "new")]).matches == []


@pytest.mark.parametrize(
    ("query", "suggestion"),
    [
        ("pasword", "password"),
        ("a pasword for my emial", "a password for my email"),
        ("hospitl", "hospital"),
        ("passwordless", "password"),
        # Nothing is wrong, or nothing is near.
        *(("password", ""), ("addr", ""), ("quit", ""), ("the", ""), ("zebra", ""), ("", "")),
    ],
)
def test_search_suggests_the_query_without_its_typos(query, suggestion):
    assert search(DOCUMENTS, query, SYNONYMS).suggestion == suggestion


def test_search_corrects_only_the_first_words_of_a_long_query():
    unknown = [f"zebra{chr(97 + number) * 3}" for number in range(MAX_CORRECTED_WORDS)]
    assert search(DOCUMENTS, " ".join(["pasword", *unknown])).suggestion.startswith("password")
    assert search(DOCUMENTS, " ".join([*unknown, "pasword"])).suggestion == ""


@pytest.mark.parametrize("query", ["", "?", "x", "-", "'", "\0", "\ud800", "ß" * 100, "."])
def test_search_takes_any_query(query):
    results = search(DOCUMENTS, query, SYNONYMS)
    assert (results.matches, results.suggestion) == ([], "")


# The questions that a new portal begins with ------------------------------------------------------


@pytest.fixture(scope="module")
def starter_index() -> SearchIndex:
    entries = (FaqEntry(pk=each["slug"], **each) for each in QUESTIONS)
    return SearchIndex(map(question_document, entries), map(split_synonyms, STARTER_SYNONYMS))


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        *(("i forgot my password", "password"), ("Can’t log in", "password")),
        *(("new job", "new-employer"), ("moved to another hospital", "new-employer")),
        *(("i switched jobs", "new-employer"), ("change employer", "new-employer")),
        *(("how do I change my e-mail adress?", "new-employer"), ("“e‑mail”", "new-employer")),
        *(("can i join multiple teams", "which-team"), ("join two teams?", "which-team")),
        *(("can my clinic join", "who-can-join"), ("Who can join ?!", "who-can-join")),
        *(("how to resign from a team", "leave-a-team"), ("unsubscribe", "leave-a-team")),
        *(("who sees my data", "who-sees-my-details"), ("HR dept.s", "how-the-teams-were-chosen")),
        ("my request is pending", "organization-not-recognized"),
        ("what if my hospital is not recognised", "organization-not-recognized"),
    ],
)
def test_search_finds_what_hr_people_ask_first(starter_index, query, slug):
    results = starter_index.search(query)
    assert [document.key for document in results.matches or results.nearest][:1] == [slug]


@pytest.mark.parametrize(
    "query", ["href", "**", "nofollow", "non-profit", "¿Quién puede?", "j", "😀"]
)
def test_search_finds_no_answer_to_what_none_answers(starter_index, query):
    assert starter_index.search(query).matches == []
