"""Every behaviour the contract leaves open (its section 6), chosen here and used by the code.

A reader who knows better changes one constant. Each says what is open and why this side was picked. What is open but
lies in the structure rather than in a value:

* 6.2: B is the union of what is known of it; it has snapshot and delete_tile, and two kinds of widgets.
* 6.7: writing colour themes needs the scope only, no project-admin level. Their list is a bare array.
* 6.8: errors are JSON whatever `Accept` or `?format=` says: nothing in the source renders one as an event stream.
* 6.9: nothing times out here; cut long requests with the `delay` and `reset` faults.
* 6.10: the shapes of paths, lifecycle and stickiness are the engine's reading of 4.7.
* 6.13: a list's `limit` has no maximum.
* 6.15: tags are trimmed, put in lower case and de-duplicated.
* 1.4: the body of `widgets/batch_update` is `{"widgets": [...]}`: per entry a `tile_id` and what changes of it.
* 3.4: `variables`, like `filters`, are not cleared by an empty object.
* 3.11: the clone of a widget without a name has none.
* 0.2: what the contract says of "newest" builds, `cloud` does; but its stream tells a failed tile as 4.8 has it for C.
* 5.1: the words for yes count in any case, the modes as they are written.
* 2.1: a method that a route lacks is 405 for every known caller, whatever the key's scopes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

#: 6.1: how generate_metadata fails when the AI does. The sibling insight action answers 500 with such a sentence.
GENERATE_METADATA_FAILED: Final = "Failed to generate dashboard metadata. Please try again."
#: 6.1: whether build A gates generate_metadata on the AI consent. Its sibling insight action does.
GENERATE_METADATA_NEEDS_CONSENT: Final = True
#: 6.3: whether delete_tile closes the gap already in build B. Its first release left it (G #60520).
DELETE_TILE_COMPACTS_IN_MAY: Final = False
#: 6.4: status of a GET in A and B when a tile's query crashes with something else than an SQL error.
CRASH_STATUS_BEFORE_CLOUD: Final = 500
#: 6.4 and 3.23: whether a crashed query's status tells the crash before C. Only "without message" explains its 500.
CRASH_TEXT_IN_STATUS_BEFORE_CLOUD: Final = False
#: 6.5: a dashboard id that is not a number. Read as an uncaught error rather than a 404.
NON_NUMERIC_ID_STATUS: Final = 500
#: 6.6: whether a refused `use_template` or `use_dashboard` leaves an empty dashboard behind. A rollback is assumed.
FAILED_CREATE_LEAVES_DASHBOARD: Final = False
#: 6.11: the text of a failed login was not read.
LOGIN_REFUSED: Final = "Invalid email or password."
#: 6.12: widgets one dashboard may hold in C before 402. The limit's value is unknown.
WIDGETS_PER_DASHBOARD: Final = 50
#: 6.14: `next_allowed_client_refresh` is advisory; the web client limits itself to one refresh in 15 minutes.
CLIENT_REFRESH_PAUSE: Final = timedelta(minutes=15)
#: 5.2: staleness of a query that has neither an interval nor a date range.
STALE_WITHOUT_INTERVAL_AND_RANGE: Final = timedelta(minutes=5)
#: 3.23: life of a query status record: 10 minutes in older builds, 20 or more in newer ones.
QUERY_STATUS_LIFE_IN_APRIL: Final = timedelta(minutes=10)
QUERY_STATUS_LIFE: Final = timedelta(minutes=20)
#: 2.3: `/query` has three sets of limits, by plan. The general pair is used, shared with insights as its class is.
QUERY_SHARES_THE_INSIGHTS_BUCKET: Final = True
#: 1.2: the words for a project secret key where none is accepted.
PHS_CREDENTIAL_REFUSED: Final = "This action does not support project secret API key access"
#: 3.4: a list as `filters`: the detail is known, the attr is the field's by analogy.
FILTERS_NOT_A_DICTIONARY_ATTR: Final = "filters"
#: 3.4: the words for dashboard filters with an OR group, which the newest build refuses; the 400 is known.
FILTERS_OR_GROUP: Final = "Dashboard filters support AND property groups only."
#: 3.1: dashboards that `exclude_generated=true` leaves out: those the product makes for feature flags, by their name.
GENERATED_NAME_PREFIX: Final = "Generated Dashboard"
#: 3.1: `search_match_type` (C): named after the field that matched; null where nothing was searched.
SEARCH_MATCH_TYPES: Final = ("name", "description", "tag")
#: 3.1: details of a search that is too long; the 400 and its attr are known.
SEARCH_TOO_LONG: Final = "Search query cannot exceed 200 characters."
#: 3.3: a deep copy of an insight gets a telling name, as copied widgets do.
COPIED_INSIGHT_SUFFIX: Final = " (Copy)"
#: 3.15: the words for a `tile_ids` entry that is not on the dashboard; the 400 is known.
RUN_INSIGHTS_UNKNOWN_TILES: Final = "Tile IDs not found on this dashboard: {ids}"
#: 3.17: the attr of a bad widget config starts with `config`; the rest is the path inside it.
WIDGET_CONFIG_ATTR: Final = "config"
#: 3.23: what a cancelled query's status says afterwards.
QUERY_CANCELLED: Final = "Query cancelled"
#: 4.2: an insight whose query no longer validates shows neither its query nor a result beside the tile's `error`.
INVALID_QUERY_IS_HIDDEN: Final = True
