"""Share one object for five minutes with a presigned URL."""

import os
import urllib.request

from coskit import Client

bucket = os.environ["EXAMPLE_BUCKET"]

with Client() as client:
    client.put_object(bucket, b"shared", "shared.txt", ContentType="text/plain")
    url = client.get_presigned_download_url(bucket, "shared.txt", Expired=300)
    with urllib.request.urlopen(url) as response:
        print(response.status, response.headers["Content-Type"], response.read().decode())
