"""Many telegrams as columns: plans of `layout` executed by NumPy, for a whole batch at once.

`table` says what the columns are, `rows` what one telegram gives (the definition, in plain Python), `source`
reads the octets, `groups` finds the telegrams of one layout, `plan` and `numbers`, `moments` decode them, and
`batch` puts the columns together. Needs the extra `arrow`.
"""

from . import (
    pyarrow_import as pyarrow_import,  # says what to install, before a module of this room asks for NumPy
)
