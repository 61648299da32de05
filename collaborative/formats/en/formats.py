"""How dates stand where no template says it: in lists and records at the desk."""

DATE_FORMAT = "F j, Y"
DATETIME_FORMAT = "F j, Y, P"
