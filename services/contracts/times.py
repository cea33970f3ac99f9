"""Date and time types for the fields of structs that a workflow decodes.

Inside Temporal's sandbox `datetime.date`, `datetime.datetime` and `datetime.time` may be stand-ins
that refuse `today()` and `now()`, and that no decoder takes for a type. This module is passed
through the sandbox, so that its names are the real types. Annotate fields with them; call the
constructors of `datetime` itself, so that a clock read in a workflow is refused as it must be.
"""

from datetime import date, datetime, time

Date = date
DateTime = datetime
Time = time
