"""Run code for cos-python-sdk-v5 on coskit: only the import differs."""

import os

from coskit.compat import CosConfig, CosS3Client, CosServiceError

bucket = os.environ["EXAMPLE_BUCKET"]
config = CosConfig(
    Region=os.environ["EXAMPLE_REGION"],
    SecretId=os.environ["COSKIT_SECRET_ID"],
    SecretKey=os.environ["COSKIT_SECRET_KEY"],
    Scheme="http",
    IP=os.environ["EXAMPLE_IP"],
    Port=int(os.environ["EXAMPLE_PORT"]),
)
client = CosS3Client(config)
client.put_object(Bucket=bucket, Body=b"hello", Key="a.txt")
print(client.get_object(Bucket=bucket, Key="a.txt")["Body"].get_raw_stream().read())
try:
    client.get_object(Bucket=bucket, Key="missing")
except CosServiceError as error:
    print(error.get_error_code(), error.get_status_code())
