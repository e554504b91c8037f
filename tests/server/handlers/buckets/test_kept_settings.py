"""Settings of buckets that are stored without effect, as on the vendor's API pages."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from coskit import Client
from coskit.client.settings.argument_checks import HTTPMethod
from coskit.protocol.errors import CosServiceError
from coskit.testing import LocalServer
from tests.server.support.http_client import HTTPClient
from tests.server.support.s3 import S3HTTPClient
from tests.server.workers.test_run import Serving, serving
from tests.support.local import PlainResponse, fetch

# Documents as the vendor's pages of these operations show them.
WEBSITE = {
    "IndexDocument": {"Suffix": "index.html"},
    "RedirectAllRequestsTo": {"Protocol": "https"},
    "ErrorDocument": {"Key": "error.html", "OriginalHttpStatus": "Disabled"},
    "RoutingRules": {
        "RoutingRule": [
            {
                "Condition": {"HttpErrorCodeReturnedEquals": "404"},
                "Redirect": {"ReplaceKeyWith": "404.html", "URLRedirect": "Enabled"},
            }
        ]
    },
}
LOGGING = {"LoggingEnabled": {"TargetBucket": "logs-1250000000", "TargetPrefix": "of/中"}}
REPLICATION = {
    "Role": "qcs::cam::uin/100000000001:uin/100000000001",
    "Rule": [
        {
            "ID": "1",
            "Status": "Enabled",
            "Priority": "1",
            "Filter": {"And": {"Prefix": "a/", "Tag": [{"Key": "k", "Value": "v"}]}},
            "Destination": {"Bucket": "qcs::cos:ap-beijing::b-1", "StorageClass": "Standard"},
            "DeleteMarkerReplication": {"Status": "Disabled"},
        }
    ],
}
DOMAIN = {"DomainRule": [{"Status": "ENABLED", "Name": "www.example.com", "Type": "REST"}]}
ORIGIN = {
    "OriginRule": [
        {
            "RulePriority": "1",
            "OriginType": "Mirror",
            "OriginCondition": {"HTTPStatusCode": "404", "Prefix": ""},
            "OriginParameter": {
                "Protocol": "HTTP",
                "HttpHeader": {
                    "NewHttpHeaders": {"Header": [{"Key": "x-a", "Value": "1"}]},
                    "FollowHttpHeaders": {"Header": [{"Key": "x-b"}]},
                },
            },
            "OriginInfo": {"HostInfo": {"HostName": "example.com"}},
        }
    ]
}
REFERER = {
    "Status": "Enabled",
    "RefererType": "White-List",
    "EmptyReferConfiguration": "Allow",
    "DomainList": {"Domain": ["*.qq.com", "*.qcloud.com"]},
}
TIERING = {"Status": "Enabled", "Transition": {"Days": "30", "RequestFrequent": "1"}}

# By the end of the methods' names: the parameter, a document, the code where there is none.
SETTINGS: dict[str, tuple[str, dict[str, Any], str]] = {
    "website": ("WebsiteConfiguration", WEBSITE, "NoSuchWebsiteConfiguration"),
    "logging": ("BucketLoggingStatus", LOGGING, ""),
    "replication": (
        "ReplicationConfiguration",
        REPLICATION,
        "ReplicationConfigurationNotFoundError",
    ),
    "domain": ("DomainConfiguration", DOMAIN, "DomainConfigNotFoundError"),
    "origin": ("OriginConfiguration", ORIGIN, "OriginConfigNotFoundError"),
    "referer": ("RefererConfiguration", REFERER, ""),
    "intelligenttiering": ("IntelligentTieringConfiguration", TIERING, ""),
}


def said(result: Any) -> dict[str, Any]:
    """Return what a document says, without the headers that came with it."""
    return {name: value for name, value in result.items() if name[0].isupper() and "-" not in name}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_returned_as_it_was_put(owner: Client, bucket: str, name: str) -> None:
    param, document, missing = SETTINGS[name]
    get = getattr(owner, f"get_bucket_{name}")
    put = getattr(owner, f"put_bucket_{name}")

    def is_missing() -> bool:
        if not missing:
            return not set(said(get(bucket))) & set(document)
        with pytest.raises(CosServiceError) as refusal:
            get(bucket)
        assert (refusal.value.code, refusal.value.status) == (missing, 404)
        return True

    assert is_missing()
    put(bucket, **{param: document})
    returned = said(get(bucket))
    assert {part: returned[part] for part in document} == document
    if name == "referer":
        put(bucket)
        assert is_missing()
    elif hasattr(owner, f"delete_bucket_{name}"):
        for _ in range(2):
            getattr(owner, f"delete_bucket_{name}")(bucket)
        assert is_missing()


def test_rules_of_a_website_redirect_unless_they_say_otherwise(owner: Client, bucket: str) -> None:
    rule: Any = {"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyPrefixWith": "b/"}}
    owner.put_bucket_website(
        bucket, {"IndexDocument": {"Suffix": "i"}, "RoutingRules": {"RoutingRule": [rule]}}
    )
    returned = owner.get_bucket_website(bucket)["RoutingRules"]["RoutingRule"][0]
    assert returned["Redirect"] == {"ReplaceKeyPrefixWith": "b/", "URLRedirect": "Enabled"}


def signed(
    server: LocalServer,
    owner: Client,
    method: HTTPMethod,
    bucket: str,
    flag: str,
    body: bytes = b"",
) -> PlainResponse:
    """Send a request that no client would lay out."""
    authorization = owner.get_auth(method, bucket, Params={flag: ""})
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    headers = {"Authorization": authorization, "Content-MD5": md5}
    url = f"http://127.0.0.1:{server.port}/{bucket}/?{flag}"
    return fetch(server, method, url, body or None, headers)


def lock(rule: str) -> str:
    enabled = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
    return f"<ObjectLockConfiguration>{enabled}{rule}</ObjectLockConfiguration>"


@pytest.mark.parametrize(
    ("flag", "document"),
    [
        ("website", "<WebsiteConfiguration/>"),
        ("website", "<Website><IndexDocument><Suffix>i</Suffix></IndexDocument></Website>"),
        ("replication", "<ReplicationConfiguration><Role>r</Role></ReplicationConfiguration>"),
        ("domain", "<DomainConfiguration/>"),
        ("origin", "<OriginConfiguration/>"),
        ("referer", "<RefererConfiguration><Status>On</Status></RefererConfiguration>"),
        ("intelligenttiering", "<IntelligentTieringConfiguration/>"),
        ("object-lock", "<ObjectLockConfiguration/>"),
        ("object-lock", lock("<Rule/>")),
        ("object-lock", lock("<Rule><DefaultRetention/></Rule>")),
    ],
)
def test_what_is_no_such_document_changes_nothing(
    server: LocalServer, owner: Client, bucket: str, flag: str, document: str
) -> None:
    before = signed(server, owner, "GET", bucket, flag)
    response = signed(server, owner, "PUT", bucket, flag, document.encode())
    assert (response.status, response.code()) == (400, "MalformedXML")
    after = signed(server, owner, "GET", bucket, flag)
    assert (after.status, after.code()) == (before.status, before.code())


INVENTORY: Any = {
    "IsEnabled": "true",
    "IncludedObjectVersions": "All",
    "Filter": {"Prefix": "a", "Period": {"StartTime": "1", "EndTime": "2"}},
    "OptionalFields": {"Field": ["Size", "ETag"]},
    "Schedule": {"Frequency": "Daily"},
    "Destination": {
        "COSBucketDestination": {
            "AccountId": "100000000001",
            "Bucket": "qcs::cos:ap-local::b-1",
            "Prefix": "list",
            "Format": "CSV",
            "Encryption": {"SSE-COS": None},
        }
    },
}


def test_inventories_are_returned_by_name_and_listed_by_age(owner: Client, bucket: str) -> None:
    with pytest.raises(CosServiceError) as refusal:
        owner.get_bucket_inventory(bucket, "a")
    assert refusal.value.code == "NoSuchInventoryConfiguration"
    names = [f"id-{number}" for number in range(120)]
    for name in names:
        owner.put_bucket_inventory(bucket, name, INVENTORY)
    changed: Any = dict(INVENTORY, IsEnabled="false")
    owner.put_bucket_inventory(bucket, "id-7", changed)
    assert said(owner.get_bucket_inventory(bucket, "id-3")) == {"Id": "id-3", **INVENTORY}
    assert owner.get_bucket_inventory(bucket, "id-7")["IsEnabled"] == "false"
    first = owner.list_bucket_inventory_configurations(bucket)
    assert (first["IsTruncated"], len(first["InventoryConfiguration"])) == ("true", 100)
    second = owner.list_bucket_inventory_configurations(
        bucket, ContinuationToken=first["NextContinuationToken"]
    )
    listed = [*first["InventoryConfiguration"], *second["InventoryConfiguration"]]
    assert [found["Id"] for found in listed] == names
    assert second["IsTruncated"] == "false"
    owner.delete_bucket_inventory(bucket, "id-3")
    with pytest.raises(CosServiceError):
        owner.get_bucket_inventory(bucket, "id-3")
    renamed: Any = dict(INVENTORY, Id="b")
    with pytest.raises(CosServiceError, match="Id"):
        owner.put_bucket_inventory(bucket, "a", renamed)


def test_both_forms_of_intelligent_tiering_return_the_same_rule(owner: Client, bucket: str) -> None:
    with pytest.raises(CosServiceError) as refusal:
        owner.get_bucket_intelligenttiering_v2(bucket, "default")
    assert refusal.value.code == "IntelligentTieringConfigurationNotFoundError"
    owner.put_bucket_intelligenttiering(bucket, {"Status": "Enabled", "Transition": {"Days": "60"}})
    tiers = [{"AccessTier": "INFREQUENT", "Days": "60"}]
    rule = said(owner.get_bucket_intelligenttiering_v2(bucket, "default"))
    assert rule == {"Id": "default", "Status": "Enabled", "Tiering": tiers}
    other: Any = {
        "Status": "Suspended",
        "Tiering": [{"AccessTier": "ARCHIVE_ACCESS", "Days": "90"}],
    }
    owner.put_bucket_intelligenttiering_v2(bucket, other, "second")
    listed = owner.list_bucket_intelligenttiering_configurations(bucket)
    names = {found["Id"] for found in listed["IntelligentTieringConfiguration"]}
    assert names == {"default", "second"}


@pytest.mark.parametrize(
    "spelling", ["ApplyServerSideEncryptionByDefault", "ApplySideEncryptionConfiguration"]
)
def test_default_encryption_is_returned_in_one_form_and_applied(
    owner: Client, bucket: str, spelling: str
) -> None:
    rule: Any = {spelling: {"SSEAlgorithm": "AES256"}}
    owner.put_bucket_encryption(bucket, {"Rule": [rule]})
    returned = owner.get_bucket_encryption(bucket)["Rule"]
    assert returned == [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    owner.put_object(bucket, b"content", "a")
    head: Any = owner.head_object(bucket, "a")
    assert head["x-cos-server-side-encryption"] == "AES256"
    owner.delete_bucket_encryption(bucket)
    with pytest.raises(CosServiceError):
        owner.get_bucket_encryption(bucket)


def test_object_lock_keeps_versions(owner: Client, bucket: str) -> None:
    with pytest.raises(CosServiceError) as refusal:
        owner.get_bucket_object_lock(bucket)
    assert refusal.value.code == "ObjectLockConfigurationNotFoundError"
    owner.put_bucket_object_lock(bucket, {"ObjectLockEnabled": "Enabled"})
    assert owner.get_bucket_object_lock(bucket)["ObjectLockEnabled"] == "Enabled"
    assert owner.get_bucket_versioning(bucket)["Status"] == "Enabled"
    with pytest.raises(CosServiceError):
        owner.put_bucket_versioning(bucket, "Suspended")


def test_object_lock_is_refused_where_versioning_is_suspended(owner: Client, bucket: str) -> None:
    owner.put_bucket_versioning(bucket, "Suspended")
    with pytest.raises(CosServiceError) as refusal:
        owner.put_bucket_object_lock(bucket, {"ObjectLockEnabled": "Enabled"})
    assert refusal.value.code == "InvalidBucketState"


def test_a_certificate_is_not_taken(owner: Client, bucket: str) -> None:
    document: Any = {
        "CertificateInfo": {
            "CertType": "CustomCert",
            "CustomCert": {"Cert": "-", "PrivateKey": "-"},
        },
        "DomainList": [{"DomainName": "www.example.com"}],
    }
    with pytest.raises(CosServiceError) as refusal:
        owner.put_bucket_domain_certificate(bucket, document)
    assert refusal.value.status == 501
    assert owner.get_bucket_domain_certificate(bucket, "www.example.com")["Status"] == "Disabled"
    owner.delete_bucket_domain_certificate(bucket, "www.example.com")


@pytest.mark.parametrize("setting", ["website", "logging", "replication"])
def test_the_other_dialect_is_referred_to_this_one(
    owner: Client, http_client: HTTPClient, bucket: str, setting: str
) -> None:
    """The S3 dialect neither stores such a setting nor denies that there is one."""
    s3, target = S3HTTPClient(http_client), f"/{bucket}/?{setting}"
    refusal = s3.request("PUT", target, None, b"")
    assert refusal.outcome == (501, "NotImplemented")
    assert "In the COS dialect the setting is stored" in refusal.text("Message")
    assert s3.request("GET", target).status in (200, 404)
    param, document, _ = SETTINGS[setting]
    getattr(owner, f"put_bucket_{setting}")(bucket, **{param: document})
    hidden = s3.request("GET", target)
    assert hidden.outcome == (501, "NotImplemented")
    assert f"a {setting} setting that was stored in the COS dialect" in hidden.text("Message")


def test_the_kind_of_a_bucket_is_returned(owner: Client, server: LocalServer) -> None:
    name = "kinds-1250000000"
    owner.create_bucket(name, BucketAZConfig="MAZ", BucketArchConfig="OFS")
    try:
        head = owner.head_bucket(name)
        assert (head["x-cos-bucket-az-type"], head["x-cos-bucket-arch"]) == ("MAZ", "OFS")
    finally:
        owner.delete_bucket(name)
    with pytest.raises(CosServiceError) as refusal:
        owner.create_bucket(name, BucketAZConfig="OAZ")  # type: ignore[arg-type]
    assert refusal.value.code == "InvalidArgument"


def test_anonymous_clients_neither_read_nor_change_settings(
    server: LocalServer, bucket: str
) -> None:
    for flag in ("website", "referer", "inventory&id=a", "intelligent-tiering", "encryption"):
        for method in ("GET", "PUT", "DELETE"):
            response = fetch(server, method, f"http://127.0.0.1:{server.port}/{bucket}?{flag}")
            assert response.status in (403, 405), (method, flag, response.status)


def owner_of(running: Serving) -> Client:
    return Client(
        endpoint=f"http://127.0.0.1:{running.port}",
        secret_id=running.field("secret id"),
        secret_key=running.field("secret key"),
    )


def test_a_setting_without_effect_is_logged_once(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("w") as log,
        serving(tmp_path / "data", stderr=log) as running,
        owner_of(running) as client,
    ):
        for name in ("first-1250000000", "second-1250000000"):
            client.create_bucket(name)
            for setting, (param, document, _) in SETTINGS.items():
                getattr(client, f"put_bucket_{setting}")(name, **{param: document})
            client.put_bucket_inventory(name, "a", INVENTORY)
    returned = (tmp_path / "log").read_text()
    kept = ["website", "logging", "replication", "domain", "origin", "intelligent-tiering"]
    for setting in [*kept, "inventory"]:
        assert (
            returned.count(
                f"The bucket setting {setting} is stored, but this server does not act on it"
            )
            == 1
        ), returned
    assert returned.count("is stored, but this server does not act on it") == len(kept) + 1
