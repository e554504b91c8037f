"""A URL that lets anybody download one object for five minutes."""

import os
import urllib.request

from coskit import Client

bucket = os.environ["EXAMPLE_BUCKET"]

with Client() as client:
    client.put_object(bucket, b"shared", "shared.txt", ContentType="text/plain")
    url = client.get_presigned_download_url(bucket, "shared.txt", Expired=300)
    with urllib.request.urlopen(url) as answer:
        print(answer.status, answer.headers["Content-Type"], answer.read().decode())
