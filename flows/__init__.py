"""What runs and when: one thin Prefect flow per verb. The work itself is in `tasks/`.

| flow    | started by                              | reads                      | writes                          |
|---------|-----------------------------------------|----------------------------|---------------------------------|
| ingest  | `throng ingest DAY`                     | landing                    | lake; account and gate's result |
| publish | `throng publish PRODUCT PERIOD`         | lake, consents, ledger     | ledger; one release             |
| deliver | `throng deliver CLIENT PRODUCT PERIOD`  | release, zone plan, client | the client's bucket, its index  |
| daily   | every hour; `throng daily`              | catalog, ledger, landing   | what the three above write      |
| backfill| `throng backfill FIRST LAST`            | catalog, ledger, landing   | what the three above write      |

Flows take names, dates and ids only: Prefect keeps parameters and messages in its database.
"""
