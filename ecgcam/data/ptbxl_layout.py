"""PTB-XL's file names and codes, for its reader and for synthetic folders of the same form."""

TABLE = "ptbxl_database.csv"
STATEMENTS = "scp_statements.csv"
OVER_89_YEARS = 300  # how PTB-XL writes an age above 89, to protect identities
