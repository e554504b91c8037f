"""Upload, read, list and delete an object, with settings from the environment."""

import os

from coskit import Client

bucket = os.environ["EXAMPLE_BUCKET"]

with Client() as client:
    client.put_object(Bucket=bucket, Body="你好, COS", Key="greetings/hello world.txt")
    response = client.get_object(Bucket=bucket, Key="greetings/hello world.txt")
    print(response["ETag"], response["Body"].read().decode())
    for entry in client.iter_objects(bucket, Prefix="greetings/"):
        print(entry["Key"], entry["Size"])
    client.delete_object(Bucket=bucket, Key="greetings/hello world.txt")
