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
        "summary": "Brings training in line with the skills that healthcare employers need.",
        "why": "Meeting with training providers and employers, the Collaborative saw a gap between "
        "the skills that are taught and the skills that employers look for. This team works to "
        "close it.",
    },
    {
        "slug": "local-targeted-hiring",
        "color": "brick",
        "drawing": "map",
        "name": "Local & Targeted Hiring",
        "summary": "Opens healthcare careers to people in areas where unemployment is high.",
        "why": "Many people who look for work cannot picture themselves in a healthcare career. "
        "The team makes sure they have the skills to do the work and, above all, that they get the "
        "chance.",
    },
    {
        "slug": "retention-career-pathways",
        "color": "prairie",
        "drawing": "stairs",
        "name": "Retention & Career Pathways",
        "summary": "Helps entry-level and front-line employees stay and advance.",
        "why": "People succeed where they are encouraged and valued. When good entry-level and "
        "front-line employees stay and advance, employers’ costs fall and communities become more "
        "stable.",
        "achievements": "**Medical Assistant Pathway Program (MAPP).** Full-time employees in "
        "non-clinical jobs train to become medical assistants. The training is free, and they "
        "stay with their employer.",
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
            "body": "The relationships built at that table open up hiring opportunities.",
        },
        {
            "slug": "training-that-fits",
            "title": "Teach what employers need",
            "body": "Training follows the needs of leading healthcare organizations, so that "
            "graduates meet or exceed expectations.",
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
            "body": "With training providers and healthcare employers, the team focuses "
            "recruitment on these areas. People there are often at a disadvantage because of their "
            "circumstances, the system, or both.",
        },
        {
            "slug": "barriers-down",
            "title": "Remove barriers and build connections",
            "body": "Connections lead people into careers and make the workforce inclusive.",
        },
        {
            "slug": "fair-hiring",
            "title": "Make hiring fair and just",
            "body": "With fair policies across the healthcare workforce, candidates get the "
            "opportunities they have earned, whatever their past or their present challenges.",
        },
    ],
    "retention-career-pathways": [
        {
            "slug": "long-term-development",
            "title": "Develop people for the long term",
            "body": "Through education and training.",
        },
        {
            "slug": "new-career-pathways",
            "title": "Open new career pathways",
            "body": "For people who already have a job in healthcare.",
        },
        {
            "slug": "programs-that-grow",
            "title": "Help programs like MAPP grow",
            "body": "The team builds what such programs need to grow across Chicagoland.",
        },
    ],
}

QUESTIONS: list[dict[str, Any]] = [
    {
        "slug": "how-it-works",
        "topic": "about",
        "question": "How does the Collaborative work?",
        "answer": "As an industry workforce partnership. Employers, educators and training "
        "providers meet and discuss the issues that shape the industry.\n\n"
        "The Collaborative keeps the conversation focused on equity and employment, because "
        "everyone gains from it.",
    },
    {
        "slug": "not-a-job-developer",
        "topic": "about",
        "question": "How is it different from a job developer?",
        "answer": "Nothing is transactional. You do not have to speak at events or post job "
        "openings.\n\n"
        "Everyone is welcome, and there is no pressure. People from recognized healthcare "
        "organizations join an action team and take on systemic issues together.",
    },
    {
        "slug": "what-we-want-to-achieve",
        "topic": "about",
        "question": "What are you trying to achieve?",
        "answer": "We unite employers and industry partners behind a healthcare workforce that "
        "includes everyone. We want to open doors for people who are unemployed or underemployed, "
        "and to meet the industry’s changing needs with new ideas.",
    },
    {
        "slug": "how-the-teams-were-chosen",
        "topic": "about",
        "question": "How were the action teams chosen?",
        "answer": "By the people who know the work, above all healthcare employers and their HR "
        "departments. In a guided process, they picked more than 30 workforce trends and "
        "topics.\n\n"
        "They studied each one and sorted them into groups. The result was three focus areas, and "
        "each became an action team.",
    },
    {
        "slug": "will-the-focus-change",
        "topic": "about",
        "question": "Will the focus areas change?",
        "answer": "Yes. The work is meant to build on itself. As trends change and goals shift, "
        "the teams shift too, to serve Chicagoland’s healthcare workforce as well as they can.",
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
        "answer": "[Ask to join](/join/) anyway: after the code, we ask where you work. Your "
        "requests wait while a facilitator reviews your organization.\n\n"
        "When it is recognized, open teams take you in at once, together with everyone else who "
        "waited. Teams that approve each member then review your request. Either way, you get an "
        "email.",
    },
    {
        "slug": "password",
        "topic": "account",
        "question": "Do I need a password?",
        "answer": "No. To sign in, enter your work address, and we will send you a code that works "
        "for 15 minutes.",
    },
    {
        "slug": "who-sees-my-details",
        "topic": "account",
        "question": "Who can see my details?",
        "answer": "Visitors see no names. Members of your teams see your name, your job title "
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
        "You can also withdraw a request there while it is waiting.",
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
