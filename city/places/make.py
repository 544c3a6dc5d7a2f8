"""Packs the address table (provinces.csv, cities.csv, areas.csv, streets.csv) into address.tsv.zst.

    python city/places/make.py FOLDER_OF_CSV

Every line is the code and the name of one place, parents before children: 2 digits a province,
4 a city, 6 a district or county, 9 a street or township. Needs the `zstd` program.
"""
import csv
import pathlib
import subprocess
import sys

source, here = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent
lines = []
for table in ("provinces", "cities", "areas", "streets"):
    with open(source / f"{table}.csv", encoding="utf-8") as file:
        lines += [f"{row['code']}\t{row['name']}" for row in csv.DictReader(file)]
text = "\n".join(sorted(lines)) + "\n"
subprocess.run(["zstd", "-19", "-q", "-f", "-o", here / "address.tsv.zst"], input=text.encode(), check=True)
print(len(lines), "places")
