"""Archives: files of telegrams in, tables out, in bounded memory, by several processes, restartable.

`inputs` finds the files and tells what they hold; `opened` gives their octets and lines; `hex_lines`,
`frames`, `csv_rows`, `json_rows` and `tables` read rows from them; `pieces` puts rows together to pieces of
one size. `work` decodes a piece with `mbus_construct.arrow` and writes it, here or in the processes of
`pool`; `outputs` writes tables, `manifest` remembers what is done, `conversion` runs all of it.
"""
