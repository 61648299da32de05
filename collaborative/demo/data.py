"""The data of the demo. Nobody here exists; every address ends in .example."""

from typing import Any

from teams.models import Goal

STATE = Goal.State

TRAINING, HIRING, CAREERS = TEAMS = (
    "education-training",
    "local-targeted-hiring",
    "retention-career-pathways",
)

RECOGNIZED = {
    "Lakefront Example Hospital": ["lakefront.example", "lakefront-clinics.example"],
    "Prairie Example Medical Center": ["prairie.example"],
    "North Branch Example Health": ["northbranch.example"],
    "Dune Grass Example Hospital": ["dunegrass.example"],
    "Oak Savanna Example Clinics": ["oaksavanna.example"],
    "Harbor Light Example Children's Hospital": ["harborlight.example"],
    "Limestone Example Rehabilitation": ["limestone.example"],
    "Kite Field Example Care": ["kitefield.example"],
}
LAKEFRONT, PRAIRIE = list(RECOGNIZED)[:2]
# Proposed organizations, for which people wait. To a human reader the second one is PRAIRIE.
RIVERBEND = "Riverbend Example Hospital"
SIMILAR_NAME = "Prairie Example Med. Center"
FIREFLY = "Firefly Example Hospice"
DECLINED_ORGANIZATION = "Staplers Example Office Supply"
DECLINE_REASON = "This organization sells office supplies and does not work in healthcare."

FACILITATORS = {
    TRAINING: ("faye@lakefront.example", "Faye Fictional", "Learning manager"),
    HIRING: ("finn@northbranch.example", "Finn Fictional", "Head of recruiting"),
    CAREERS: ("flora@harborlight.example", "Flora Fictional", "HR director"),
}

# By whom, whom, to which teams, the line in the email, days ago, and whether they accepted: those
# are members whom the inviter sees in a team.
INVITATIONS = [
    ("ana@lakefront.example", "mia@lakefront.example", [TRAINING], "See you Monday?", 1, False),
    ("ana@lakefront.example", "noah@prairie.example", [TRAINING, HIRING], "", 40, False),
    ("ana@lakefront.example", "ivo@dunegrass.example", [TRAINING], "Join us!", 12, True),
]

# Imported by the facilitator of CAREERS, without an email: email, name, job title, organization.
IMPORTED = [
    (
        "uma@harborlight.example",
        "Uma Sample",
        "Recruiter",
        "Harbor Light Example Children's Hospital",
    ),
    ("vito@kitefield.example", "Vito Sample", "", "Kite Field Example Care"),
]

# Email, name, job title, the organization as entered (the email domain wins), teams.
PEOPLE: list[tuple[str, str, str, str, list[str]]] = [
    ("ana@lakefront.example", "Ana Sample", "HR business partner", LAKEFRONT, [TRAINING, HIRING]),
    ("ben@lakefront.example", "Ben Sample", "Recruiter", LAKEFRONT, [HIRING]),
    ("cleo@lakefront-clinics.example", "Cleo Sample", "", LAKEFRONT, [TRAINING, CAREERS]),
    ("dina@prairie.example", "Dina Sample", "HR manager", PRAIRIE, [TRAINING]),
    ("emil@prairie.example", "Emil Sample", "Talent lead", PRAIRIE, [HIRING, CAREERS]),
    ("gus@northbranch.example", "Gus Sample", "HR analyst", "North Branch", [HIRING]),
    ("hana@northbranch.example", "Hana Sample", "Recruiter", "North Branch", [TRAINING, HIRING]),
    ("ivo@dunegrass.example", "Ivo Sample", "HR generalist", "Dune Grass", [TRAINING]),
    ("juna@dunegrass.example", "Juna Sample", "", "Dune Grass", [CAREERS]),
    ("karl@oaksavanna.example", "Karl Sample", "HR director", "Oak Savanna", list(TEAMS)),
    ("lena@oaksavanna.example", "Lena Sample", "Recruiter", "Oak Savanna", [HIRING]),
    ("milo@harborlight.example", "Milo Sample", "Educator", "Harbor Light", [TRAINING]),
    ("nora@harborlight.example", "Nora Sample", "HR partner", "Harbor Light", [CAREERS]),
    ("omar@limestone.example", "Omar Sample", "HR manager", "Limestone", [TRAINING, CAREERS]),
    ("pia@limestone.example", "Pia Sample", "Recruiter", "Limestone", [HIRING]),
    ("quin@kitefield.example", "Quin Sample", "HR director", "Kite Field", [TRAINING]),
    ("rosa@kitefield.example", "Rosa Sample", "", "Kite Field", [HIRING, CAREERS]),
    # These organizations are not recognized.
    ("sam@riverbend.example", "Sam Sample", "HR director", RIVERBEND, [TRAINING, HIRING]),
    ("tess@riverbend.example", "Tess Sample", "Recruiter", RIVERBEND, [HIRING]),
    ("udo@riverbend.example", "Udo Sample", "", f"The {RIVERBEND}, Inc.", [TRAINING]),
    ("vera@mail.riverbend.example", "Vera Sample", "HR partner", RIVERBEND, [CAREERS]),
    ("wim@prairie-med.example", "Wim Sample", "HR assistant", SIMILAR_NAME, [HIRING]),
    ("xenia@prairie-med.example", "Xenia Sample", "", SIMILAR_NAME, [TRAINING]),
    ("yuri@firefly.example", "Yuri Sample", "HR manager", FIREFLY, [CAREERS]),
    ("zoe@firefly.example", "Zoe Sample", "Nurse educator", FIREFLY, [TRAINING]),
    ("stan@staplers.example", "Stan Sample", "Sales", DECLINED_ORGANIZATION, [HIRING]),
    # A recognized organization, and an address that does not show it.
    ("ada@personal.example", "Ada Private", "HR consultant", LAKEFRONT, [TRAINING]),
    ("bo@personal.example", "Bo Private", "Recruiter", PRAIRIE, [HIRING, CAREERS]),
    ("cy@personal.example", "Cy Private", "", LAKEFRONT, [HIRING]),
    ("dee@personal.example", "Dee Private", "", PRAIRIE, [TRAINING]),
]

# Why they want to join the team that decides by approval.
REQUEST_REASONS = {
    "emil@prairie.example": "I am building a career ladder for our medical assistants.",
    "omar@limestone.example": "Half of our aides leave in the first year, and I want to learn why.",
    "yuri@firefly.example": "We start an apprenticeship in spring.",
}

APPROVED_MEMBERS = [
    "cleo@lakefront-clinics.example",
    "karl@oaksavanna.example",
    "nora@harborlight.example",
]
DECLINED_REQUEST = ("cy@personal.example", HIRING, "Use your work address, so that we know you.")
WITHDRAWN_REQUEST = ("dee@personal.example", TRAINING)
LEFT_TEAMS = [
    ("quin@kitefield.example", TRAINING),
    ("hana@northbranch.example", HIRING),
    ("rosa@kitefield.example", HIRING),
]
ENDED_MEMBERSHIP = (
    "pia@limestone.example",
    HIRING,
    "You told us that you work in another field now.",
)

# Old and new address, the employer as entered where the new address shows none, and how many days
# ago. The second one waits for that employer; to the third one the old address has objected.
MOVES = [
    ("rosa@kitefield.example", "rosa@oaksavanna.example", "", 40),
    ("gus@northbranch.example", "gus@personal.example", FIREFLY, 3),
    ("lena@oaksavanna.example", "lena@prairie.example", "", 2),
]
HELD_ADDRESS = "lena@oaksavanna.example"
# The request of a person who cannot read the old mailbox.
MOVE_REQUEST = (
    "omar@limestone.example",
    "omar@northbranch.example",
    "Omar Sample",
    "Call me at my new desk, 312-555-0142, or ask Cleo, who knows my voice.",
    1,
)

# The member to whom emails came back, the mail server's code, and days ago.
RETURNED_EMAIL = ("nora@harborlight.example", "5.1.1", 6)

# Of each goal its fields, the days until it is due, and its updates, oldest first: days ago, state,
# number, sentence.
GOAL_UPDATES: dict[str, tuple[dict[str, Any], int, list[tuple[int, str, int | None, str]]]] = {
    "one-table": (
        {"target": 12, "unit": "organizations"},
        200,
        [
            (390, STATE.NOT_STARTED, 2, "Two organizations said they would come."),
            (310, STATE.ON_TRACK, 4, "The first table met at a training center."),
            (200, STATE.ON_TRACK, 7, "Three clinics joined after the spring meeting."),
            (90, STATE.AT_RISK, 7, "Nobody new has come since spring."),
            (6, STATE.ON_TRACK, 9, "Two rehabilitation centers sat down with us."),
        ],
    ),
    "training-that-fits": (
        {"target": 6, "unit": "training providers"},
        90,
        [
            (260, STATE.ON_TRACK, 2, "Two providers teach by the list of skills."),
            (120, STATE.ON_TRACK, 3, "A third provider has changed its courses."),
            (12, STATE.AT_RISK, None, "Three of six training providers wait for a new schedule."),
        ],
    ),
    "recruit-where-unemployment-is-high": (
        {"target": 70, "unit": "%"},
        150,
        [
            (330, STATE.ON_TRACK, 41, "Counted for the first time, at three employers."),
            (220, STATE.ON_TRACK, 49, "Job fairs in four neighborhoods."),
            (100, STATE.ON_TRACK, 58, "Two more employers recruit at the libraries."),
        ],
    ),
    "fair-hiring": ({}, 300, [(20, STATE.NOT_STARTED, None, "Begins with the new year.")]),
    "new-career-pathways": (
        {"target": 5, "unit": "pathways"},
        10,
        [
            (400, STATE.ON_TRACK, 2, "The first two pathways are open to all employers."),
            (250, STATE.ON_TRACK, 4, "Pathways into pharmacy and sterile processing have begun."),
            (3, STATE.REACHED, 5, "The fifth pathway, into imaging, is open."),
        ],
    ),
}

# Text, the email address if the visitor left one, and how many days ago.
OPEN_QUESTIONS = [
    ("Can a small clinic with ten employees join?", "clinic@asker.example", 0),
    ("Do you meet in person or online?", "", 1),
    ("How much time does a team take in a month?", "sue@asker.example", 3),
    ("May we bring a training provider along?", "tom@asker.example", 9),
    ("Is there a fee for employers?", "ulla@asker.example", 16),
]
# What the facilitator who takes care of the first one wrote for the others.
CLAIM_NOTE = "I asked the clinic how many of them are nursing assistants."
ANSWERED_QUESTION = (
    ("Who do I write to about a job fair?", "vic@asker.example", 60),
    "Write to the facilitators of Local & Targeted Hiring; their address is on the team’s page.",
)
DISMISSED_QUESTION = ("Buy our office chairs!", "", 45)
