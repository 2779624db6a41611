"""`opportune load`: attributes of customers from a file.

    rows      a file as numbered rows, one format a module                   csv_rows, json_rows, parquet_rows
    mapping   which column is which attribute, and who the row is about      mapping
    judge     a row as a typed interaction, or why it is bad; data quality   judge, cells, quality
    send      into the outboxes, then the progress into Redis                sending
    loader    the loop over batches                                          loader
    command   joins them                                                     command

A row becomes a built-in `identify` interaction whose identity follows from the file's content, the mapping and the
row's number. So a batch that is sent again after a crash changes nothing, and a load that was cut short goes on
after the last batch whose progress was kept.
"""
