"""What the portal says on its first day; facilitators edit it from then on.

Loaded by `manage.py load_starter_content`. A slug names its record permanently: one that was ever
there, edited or removed since, is never added again.
"""

from pathlib import Path
from typing import Any

from teams.models import SiteText

TEAMS: list[dict[str, Any]] = [
    {
        "slug": "education-training",
        "color": "plum",
        "drawing": "books",
        "name": "Education & Training",
        "summary": "Brings healthcare training closer to what healthcare jobs ask for.",
        "why": "When the Collaborative met with training providers and with employers, it noticed "
        "that the skills being taught were not the skills being looked for. This team works on "
        "that gap.",
    },
    {
        "slug": "local-targeted-hiring",
        "color": "brick",
        "drawing": "map",
        "name": "Local & Targeted Hiring",
        "summary": "Opens healthcare careers to people from areas where unemployment is high.",
        "why": "Many people who look for work cannot picture themselves in a healthcare career. "
        "The team makes sure they have the skills to do the work and, above all, that they get the "
        "chance.",
    },
    {
        "slug": "retention-career-pathways",
        "color": "prairie",
        "drawing": "stairs",
        "name": "Retention & Career Pathways",
        "summary": "Helps entry-level and front-line employees to stay and to move up.",
        "why": "People do well where others encourage and value them. When good entry-level and "
        "front-line employees stay and advance, employers spend less and communities become more "
        "stable.",
        "achievements": "**Medical Assistant Pathway Program (MAPP).** Full-time employees in "
        "non-clinical jobs train to become medical assistants. It costs them nothing, and they "
        "stay with the employer they have.",
    },
]

GOALS: dict[str, list[dict[str, Any]]] = {
    "education-training": [
        {
            "slug": "one-table",
            "title": "Bring everyone to one table",
            "body": "Educators, training providers and employers sit down together.",
        },
        {
            "slug": "relationships-for-hiring",
            "title": "Turn good relationships into more hiring",
            "body": "The ties that grow at that table open up hiring opportunities.",
        },
        {
            "slug": "training-that-fits",
            "title": "Teach what employers need",
            "body": "Training follows what leading healthcare organizations ask for. Graduates do "
            "what is expected of them, or better.",
        },
        {
            "slug": "from-training-to-a-job",
            "title": "Make the step from training to a job easier",
        },
    ],
    "local-targeted-hiring": [
        {
            "slug": "recruit-where-unemployment-is-high",
            "title": "Recruit where unemployment is high",
            "body": "Together with training providers and healthcare employers, the team turns "
            "recruitment toward these areas. People there are often held back by their "
            "circumstances, by the way the system works, or by both.",
        },
        {
            "slug": "barriers-down",
            "title": "Remove barriers and build connections",
            "body": "Connections lead people into careers, and make the workforce inclusive.",
        },
        {
            "slug": "fair-hiring",
            "title": "Make hiring fair and just",
            "body": "With fair policies across the healthcare workforce, candidates get the "
            "opportunities they have earned, whatever lies behind them and whatever they face "
            "now.",
        },
    ],
    "retention-career-pathways": [
        {
            "slug": "long-term-development",
            "title": "Develop people for the long term",
            "body": "Education and training are how it happens.",
        },
        {
            "slug": "new-career-pathways",
            "title": "Open new career pathways",
            "body": "They are for people who are employed already.",
        },
        {
            "slug": "programs-that-grow",
            "title": "Let programs like MAPP grow",
            "body": "The team builds what they need to spread across Chicagoland.",
        },
    ],
}

QUESTIONS: list[dict[str, Any]] = [
    {
        "slug": "how-it-works",
        "topic": "about",
        "question": "How does the Collaborative work?",
        "answer": "As an industry workforce partnership. Employers, educators and training "
        "providers come together and talk about what shapes their industry.\n\n"
        "The Collaborative keeps the conversation focused on equity and employment, because "
        "everyone gains from it.",
    },
    {
        "slug": "not-a-job-developer",
        "topic": "about",
        "question": "How is it different from a job developer?",
        "answer": "Nothing is transactional. You do not have to speak at events, and you do not "
        "have to open jobs.\n\n"
        "Everyone is welcome, and there is no pressure. People from recognized healthcare "
        "organizations join an action team and together take on problems that lie in the "
        "system.",
    },
    {
        "slug": "what-we-want-to-achieve",
        "topic": "about",
        "question": "What are you trying to achieve?",
        "answer": "We want employers and industry partners to stand together behind a healthcare "
        "workforce that includes everyone. If you have no job, or less work than you need, you "
        "should find the door open. And when the industry needs something else, we want to "
        "answer with new ideas.",
    },
    {
        "slug": "how-the-teams-were-chosen",
        "topic": "about",
        "question": "How were the action teams chosen?",
        "answer": "By the people who know the work, first of all healthcare employers and their HR "
        "departments. In a guided process they picked more than 30 trends and topics in the "
        "workforce.\n\n"
        "They looked into each one and sorted them into groups. Three focus areas were left, and "
        "each one became an action team.",
    },
    {
        "slug": "will-the-focus-change",
        "topic": "about",
        "question": "Will the focus areas change?",
        "answer": "Yes. Each step is meant to build on the one before. When trends change and "
        "goals move, the teams move with them, to serve Chicagoland's healthcare workforce as "
        "well as they can.",
    },
    {
        "slug": "which-team",
        "topic": "joining",
        "question": "Which team should I join, and may I join more than one?",
        "answer": "Join the one that comes closest to your goals and to what you care about most. "
        "If that is more than one team, join them all.",
    },
    {
        "slug": "who-can-join",
        "topic": "joining",
        "question": "Who can join?",
        "answer": "You can, if you work for a recognized healthcare organization. Most members "
        "work in Human Resources. *Recognized* means that a facilitator has accepted the "
        "organization.\n\n"
        "[Organizations](/organizations/) lists them all. You can also check your work address "
        "there.",
    },
    {
        "slug": "organization-not-recognized",
        "topic": "joining",
        "question": "What if my organization is not recognized yet?",
        "answer": "[Ask to join](/join/) anyway: after the code we ask where you work. Your "
        "requests wait while a facilitator reviews your organization.\n\n"
        "When it is recognized, open teams take you in at once, together with everyone else who "
        "waited. A team that decides by approval then reviews your request. Either way you get "
        "an email.",
    },
    {
        "slug": "password",
        "topic": "account",
        "question": "Do I need a password?",
        "answer": "No, there are none. To sign in, you enter your work address, and we send you a "
        "code that works for 15 minutes.",
    },
    {
        "slug": "who-sees-my-details",
        "topic": "account",
        "question": "Who can see my details?",
        "answer": "Visitors see nobody's name. Members of your teams see your name, your job title "
        "and your organization. They see your address only if you allow it in "
        "[My details](/my/profile/).\n\n"
        "Your details are also seen by the facilitators of your teams and by the portal's "
        "administrators.",
    },
    {
        "slug": "new-employer",
        "topic": "account",
        "question": "I have a new employer or a new address. What now?",
        "answer": "Sign in with the old address and [move](/my/move/): you enter the new one and a "
        "code from an email. Your teams stay if your new employer is recognized. If it is not yet, "
        "they wait until it is, and you keep the date you joined.\n\n"
        "If you cannot read the old mailbox, [tell us](/sign-in/move/). A facilitator decides, and "
        "we email both addresses.",
    },
    {
        "slug": "leave-a-team",
        "topic": "account",
        "question": "How do I leave a team?",
        "answer": "Open [My teams](/my/) and choose *Leave this team*. You are out at once, and "
        "nobody has to agree. You can join again later.\n\n"
        "A request that still waits is withdrawn on the same page.",
    },
]

# Words that mean the same to the search.
SYNONYMS = [
    "employer, organization, hospital, clinic, health system, company, workplace, place of work",
    "new employer, new job, another hospital, another employer, change jobs, change employers, "
    "switch jobs",
    "change, move, switch, update",
    "more than one, two, both, several, multiple",
    "email, mail",
    "sign in, log in, login",
    "sign out, log out, logout",
    "join, sign up, register, enroll, become a member",
    "leave, quit, resign, unsubscribe",
    "code, password, passcode, forgot password, forgot my password",
    "details, data, information, profile",
    "facilitator, organizer, team leader, team lead, contact person",
    "approve, accept, recognize, approval",
    "wait, pending",
    "answer, reply, response",
    "job, work, position",
    "cost, price, fee, free",
]

# By place, in Markdown; each in a file of its own, because they are long.
SITE_TEXTS: dict[str, str] = {
    place: (Path(__file__).with_name("starter_texts") / f"{place}.md").read_text("utf-8").strip()
    for place in SiteText.Place.values
}
