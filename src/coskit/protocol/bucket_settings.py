"""The rows for bucket settings that are one document each, written and read as a whole."""

from dataclasses import replace

from coskit.protocol.model import TRUTHS, Operation, Param, Shape

BUCKET = Param("Bucket", "bucket", required=True, doc="Bucket name, as `<name>-<APPID>`.")


def _text(*tags: str) -> tuple[Shape, ...]:
    return tuple(Shape(tag, optional=True) for tag in tags)


def _word(tag: str, *choices: str) -> Shape:
    """Return an element whose text is one of the choices on the vendor's page."""
    return Shape(tag, optional=True, choices=choices)


def _truth(*tags: str) -> tuple[Shape, ...]:
    return tuple(Shape(tag, optional=True, kind="bool | str", choices=TRUTHS) for tag in tags)


_SWITCH = ("Enabled", "Disabled")


def _part(tag: str, *children: Shape, many: bool = False, type: str = "") -> Shape:
    return Shape(tag, children, optional=True, many=many, type=type or tag)


_TAG = Shape("Tag", (Shape("Key"), Shape("Value")), many=True, type="Tag")
_FILTER = (*_text("Prefix"), _TAG, _part("And", *_text("Prefix"), _TAG, type="SettingAnd"))

_PROTOCOL = _word("Protocol", "http", "https")
_REDIRECT = (
    _PROTOCOL,
    *_text("HostName", "ReplaceKeyWith", "ReplaceKeyPrefixWith"),
    _word("URLRedirect", *_SWITCH),
)
_CONDITION = _text("HttpErrorCodeReturnedEquals", "KeyPrefixEquals")
WEBSITE = Shape(
    "WebsiteConfiguration",
    (
        _part("IndexDocument", Shape("Suffix")),
        _part("RedirectAllRequestsTo", _PROTOCOL, *_text("HostName")),
        _part("AutoAddressing", _word("Status", *_SWITCH)),
        _part(
            "ErrorDocument",
            *_text("Key"),
            _word("Charity404", *_SWITCH),
            _word("OriginalHttpStatus", *_SWITCH),
        ),
        _part(
            "RoutingRules",
            _part(
                "RoutingRule",
                _part("Condition", *_CONDITION, type="WebsiteCondition"),
                _part("Redirect", *_REDIRECT, type="WebsiteRedirect"),
                many=True,
            ),
        ),
    ),
    type="WebsiteConfiguration",
)
LOGGING = Shape(
    "BucketLoggingStatus",
    (_part("LoggingEnabled", *_text("TargetBucket", "TargetPrefix", "TargetGrants")),),
    type="BucketLoggingStatus",
)
REPLICATION = Shape(
    "ReplicationConfiguration",
    (
        Shape("Role", optional=True),
        _part(
            "Rule",
            *_text("ID"),
            _word("Status", *_SWITCH),
            *_text("Priority", "Prefix"),
            _part("Filter", *_FILTER, type="ReplicationFilter"),
            _part(
                "Destination",
                *_text("Bucket", "StorageClass"),
                _part("EncryptionConfiguration", *_text("ReplicaKmsKeyID")),
                type="ReplicationDestination",
            ),
            _part("DeleteMarkerReplication", _word("Status", *_SWITCH)),
            _part(
                "SourceSelectionCriteria",
                _part("SseKmsEncryptedObjects", _word("Status", *_SWITCH)),
            ),
            many=True,
            type="ReplicationRule",
        ),
    ),
    type="ReplicationConfiguration",
)
DOMAIN = Shape(
    "DomainConfiguration",
    (
        _part(
            "DomainRule",
            _word("Status", "ENABLED", "DISABLED"),
            *_text("Name"),
            _word("Type", "REST", "WEBSITE", "ACCELERATE"),
            _word("ForcedReplacement", "CNAME", "TXT"),
            _word("Replace", "CNAME", "TXT"),
            many=True,
        ),
    ),
    type="DomainConfiguration",
)
CERTIFICATE = Shape(
    "DomainCertificate",
    (
        Shape("Status", optional=True),
        _part(
            "CertificateInfo",
            *_text("CertType"),
            _part("CustomCert", *_text("CertId", "Cert", "PrivateKey")),
        ),
        _part("DomainList", Shape("DomainName"), many=True, type="CertifiedDomain"),
    ),
    type="DomainCertificate",
)
INVENTORY = Shape(
    "InventoryConfiguration",
    (
        *_text("Id"),
        *_truth("IsEnabled"),
        _word("IncludedObjectVersions", "All", "Current"),
        _part(
            "Filter",
            *_text("Prefix"),
            _TAG,
            _part("And", *_text("Prefix"), _TAG, *_text("StorageClass"), type="InventoryAnd"),
            _part("Period", *_text("StartTime", "EndTime")),
            *_text("StorageClass"),
            type="InventoryFilter",
        ),
        _part("OptionalFields", Shape("Field", many=True)),
        _part("Schedule", _word("Frequency", "Daily", "Weekly", "Monthly"), *_text("MonthlyDate"),
              type="InventorySchedule"),
        _part(
            "Destination",
            _part(
                "COSBucketDestination",
                *_text("AccountId", "Bucket", "Prefix"),
                _word("Format", "CSV", "ORC", "Parquet"),
                _part("Encryption", Shape("SSE-COS", optional=True, blank=True),
                      Shape("SSECOS", optional=True, blank=True), type="InventoryEncryption"),
            ),
            type="InventoryDestination",
        ),
    ),
    type="InventoryConfiguration",
)  # fmt: skip
ORIGIN = Shape(
    "OriginConfiguration",
    (
        _part(
            "OriginRule",
            *_text("RulePriority"),
            _word("OriginType", "Redirect", "Proxy", "Mirror"),
            _part(
                "OriginCondition",
                *_text("HTTPStatusCode", "Prefix", "Suffix"),
                _part(
                    "FilterHost",
                    _part(
                        "ForbidHost",
                        _part("DomainList", Shape("Domain", many=True), type="ForbiddenDomains"),
                    ),
                ),
            ),
            _part(
                "OriginParameter",
                _word("Protocol", "HTTP", "HTTPS", "FOLLOW"),
                *_truth("FollowQueryString", "FollowRedirection"),
                _part(
                    "FollowRedirectionConfiguration",
                    *_truth("FollowOriginHeaders", "FollowUrlAutoDecode"),
                ),
                _word("HttpRedirectCode", "301", "302", "303", "307", "308"),
                *_truth("CopyOriginData", "TransparentErrorCode"),
                *_truth("TransparentFollowQueryString", "OriginPrivate"),
                _part(
                    "HttpHeader",
                    *_truth("FollowAllHeaders"),
                    _part(
                        "ForbidFollowHttpHeaders",
                        _part("Header", *_text("Key"), many=True, type="FollowedHeader"),
                    ),
                    _part("NewHttpHeaders", _part("Header", *_text("Key", "Value"), many=True)),
                    _part(
                        "FollowHttpHeaders",
                        _part("Header", *_text("Key"), many=True, type="FollowedHeader"),
                    ),
                ),
            ),
            _part(
                "OriginInfo",
                _part("HostInfo", *_text("HostName", "Weight")),
                _part(
                    "FileInfo",
                    _part("PrefixConfiguration", *_text("Prefix", "ReplacedWithPrefix")),
                    _part("SuffixConfiguration", *_text("Suffix", "ReplacedWithSuffix")),
                    _part("FixedFileConfiguration", *_text("FixedFilePath")),
                    _part("PrefixDirective", *_text("Prefix")),
                    type="OriginFileInfo",
                ),
            ),
            _part("HTTPStandbyCode", Shape("StatusCode", many=True)),
            many=True,
        ),
    ),
    type="OriginConfiguration",
)
REFERER = Shape(
    "RefererConfiguration",
    (
        _word("Status", *_SWITCH),
        _word("RefererType", "Black-List", "White-List"),
        _word("EmptyReferConfiguration", "Allow", "Deny"),
        _word("VerifySignatureURL", *_SWITCH),
        _part("DomainList", Shape("Domain", many=True), type="RefererDomains"),
    ),
    type="RefererConfiguration",
)
# The vendor's pages of the two forms each name another word for off.
_TIERING_STATUS = _word("Status", "Enabled", "Suspended", "Disabled")
TIERING = Shape(
    "IntelligentTieringConfiguration",
    (_TIERING_STATUS, _part("Transition", *_text("Days", "RequestFrequent"), type="Tiering")),
    type="IntelligentTieringConfiguration",
)
_RULE_PARTS = (
    *_text("Id"),
    _TIERING_STATUS,
    _part("Filter", *_FILTER, type="TieringFilter"),
    _part("Tiering", *_text("AccessTier", "Days", "RequestFrequent"), many=True, type="AccessTier"),
)
TIERING_RULE = Shape("IntelligentTieringConfiguration", _RULE_PARTS, type="IntelligentTieringRule")
_ALGORITHM = (
    # `aws:kms` occurs only in this server's responses.
    _word("SSEAlgorithm", "AES256", "SM4", "KMS", "aws:kms"),
    *_text("KMSMasterKeyID"),
    _word("KMSAlgorithm", "AES256", "SM4"),
)
ENCRYPTION = Shape(
    "ServerSideEncryptionConfiguration",
    (
        _part(
            "Rule",
            _part("ApplyServerSideEncryptionByDefault", *_ALGORITHM, type="DefaultEncryption"),
            # What the vendor's SDK for Python documents for the very same.
            _part("ApplySideEncryptionConfiguration", *_ALGORITHM, type="DefaultEncryption"),
            *_truth("BucketKeyEnabled"),
            many=True,
            type="EncryptionRule",
        ),
    ),
    type="ServerSideEncryptionConfiguration",
)
OBJECT_LOCK = Shape(
    "ObjectLockConfiguration",
    (
        _word("ObjectLockEnabled", "Enabled"),
        _part(
            "Rule",
            _part(
                "DefaultRetention",
                _word("Mode", "COMPLIANCE"),
                *_text("Days"),
                type="BucketRetention",
            ),
            type="BucketLockRule",
        ),
    ),
    type="BucketObjectLock",
)
_ID = Param("Id", "query", "id", required=True, doc="The rule's id.")
_DOMAIN_NAME = Param("DomainName", "query", "domainname", required=True, doc="The domain's name.")


def _whole(shape: Shape, name: str = "", *, required: bool = True) -> Param:
    kind = f"{shape.type}"
    return Param(
        name or shape.tag, "xml", kind=kind, required=required, doc=f"The `{shape.tag}` document."
    )


def _row(verb: str, noun: str, flag: str, page: str, *params: Param, **more: object) -> Operation:
    """Return one row on a bucket.

    Args:
        verb: the first word of the operation's name: Put, Get, Delete, Post or List.
        noun: the rest of the operation's name after `Bucket`.
        flag: the sub-resource.
        page: the title of the vendor's page, without its verb.
        params: the parameters besides the bucket.
        more: further fields of the row.
    """
    method = {"List": "GET"}.get(verb, verb.upper())
    does = {"Put": "Replace", "List": "List", "Get": "Return"}
    fields = {
        "flag": flag,
        "permission": "OWNER",
        "on": "bucket",
        "page": f"{method} Bucket {page}",
        "doc": f"{does.get(verb, 'Delete')} the {page} of a bucket.",
        "returns": "dict" if method == "GET" else "none",
        "status": (204, 200) if method == "DELETE" else (200, 204),
        **more,
    }
    return replace(Operation(f"{verb}Bucket{noun}", method, (BUCKET, *params)), **fields)  # type: ignore[arg-type]


PUT_BUCKET_WEBSITE = _row(
    "Put", "Website", "website", "website", _whole(WEBSITE), body=WEBSITE, md5=True
)
GET_BUCKET_WEBSITE = _row("Get", "Website", "website", "website", result=WEBSITE)
DELETE_BUCKET_WEBSITE = _row("Delete", "Website", "website", "website")
PUT_BUCKET_LOGGING = _row(
    "Put", "Logging", "logging", "logging", _whole(LOGGING), body=LOGGING, md5=True
)
GET_BUCKET_LOGGING = _row("Get", "Logging", "logging", "logging", result=LOGGING)
PUT_BUCKET_REPLICATION = _row(
    "Put",
    "Replication",
    "replication",
    "replication",
    _whole(REPLICATION),
    body=REPLICATION,
    md5=True,
)
GET_BUCKET_REPLICATION = _row(
    "Get", "Replication", "replication", "replication", result=REPLICATION
)
DELETE_BUCKET_REPLICATION = _row("Delete", "Replication", "replication", "replication")
PUT_BUCKET_DOMAIN = _row("Put", "Domain", "domain", "domain", _whole(DOMAIN), body=DOMAIN, md5=True)
GET_BUCKET_DOMAIN = _row("Get", "Domain", "domain", "domain", result=DOMAIN)
DELETE_BUCKET_DOMAIN = _row("Delete", "Domain", "domain", "domain")
PUT_BUCKET_DOMAIN_CERTIFICATE = _row(
    "Put",
    "DomainCertificate",
    "domaincertificate",
    "domain certificate",
    _whole(CERTIFICATE, "DomainCertificateConfiguration"),
    body=CERTIFICATE,
    md5=True,
)
GET_BUCKET_DOMAIN_CERTIFICATE = _row(
    "Get",
    "DomainCertificate",
    "domaincertificate",
    "domain certificate",
    _DOMAIN_NAME,
    result=CERTIFICATE,
)
DELETE_BUCKET_DOMAIN_CERTIFICATE = _row(
    "Delete", "DomainCertificate", "domaincertificate", "domain certificate", _DOMAIN_NAME
)
PUT_BUCKET_INVENTORY = _row(
    "Put", "Inventory", "inventory", "inventory", _ID, _whole(INVENTORY), body=INVENTORY, md5=True
)
GET_BUCKET_INVENTORY = _row(
    "Get", "Inventory", "inventory", "inventory", _ID, result=INVENTORY, selectors=("id",)
)
DELETE_BUCKET_INVENTORY = _row("Delete", "Inventory", "inventory", "inventory", _ID)
POST_BUCKET_INVENTORY = _row(
    "Post",
    "Inventory",
    "inventory",
    "inventory",
    _ID,
    _whole(INVENTORY),
    body=INVENTORY,
    md5=True,
    idempotent=False,
    doc="Run an inventory of a bucket once.",
)
LIST_BUCKET_INVENTORY_CONFIGURATIONS = _row(
    "List",
    "InventoryConfigurations",
    "inventory",
    "inventory",
    Param("ContinuationToken", "query", "continuation-token", doc="The token of the next page."),
    result=Shape(
        "ListInventoryConfigurationResult",
        (
            replace(INVENTORY, many=True, optional=True),
            Shape("IsTruncated", doc="`true` or `false`."),
            *_text("ContinuationToken", "NextContinuationToken"),
        ),
    ),
)
PUT_BUCKET_ORIGIN = _row("Put", "Origin", "origin", "origin", _whole(ORIGIN), body=ORIGIN, md5=True)
GET_BUCKET_ORIGIN = _row("Get", "Origin", "origin", "origin", result=ORIGIN)
DELETE_BUCKET_ORIGIN = _row("Delete", "Origin", "origin", "origin")
PUT_BUCKET_REFERER = _row(
    "Put", "Referer", "referer", "referer", _whole(REFERER, required=False), body=REFERER
)
GET_BUCKET_REFERER = _row("Get", "Referer", "referer", "referer", result=REFERER)
PUT_BUCKET_INTELLIGENTTIERING = _row(
    "Put",
    "Intelligenttiering",
    "intelligenttiering",
    "intelligent tiering",
    _whole(TIERING),
    body=TIERING,
)
GET_BUCKET_INTELLIGENTTIERING = _row(
    "Get", "Intelligenttiering", "intelligenttiering", "intelligent tiering", result=TIERING
)
PUT_BUCKET_INTELLIGENTTIERING_V2 = _row(
    "Put",
    "IntelligenttieringV2",
    "intelligent-tiering",
    "intelligent tiering",
    _whole(TIERING_RULE),
    _ID,
    body=TIERING_RULE,
)
GET_BUCKET_INTELLIGENTTIERING_V2 = _row(
    "Get",
    "IntelligenttieringV2",
    "intelligent-tiering",
    "intelligent tiering",
    _ID,
    result=TIERING_RULE,
    selectors=("id",),
)
LIST_BUCKET_INTELLIGENTTIERING_CONFIGURATIONS = _row(
    "List",
    "IntelligenttieringConfigurations",
    "intelligent-tiering",
    "intelligent tiering",
    result=Shape(
        "ListBucketIntelligentTieringConfigurationOutput",
        (replace(TIERING_RULE, many=True, optional=True),),
    ),
)
PUT_BUCKET_ENCRYPTION = _row(
    "Put", "Encryption", "encryption", "encryption", _whole(ENCRYPTION), body=ENCRYPTION
)
GET_BUCKET_ENCRYPTION = _row("Get", "Encryption", "encryption", "encryption", result=ENCRYPTION)
DELETE_BUCKET_ENCRYPTION = _row("Delete", "Encryption", "encryption", "encryption")
PUT_BUCKET_OBJECT_LOCK = _row(
    "Put", "ObjectLock", "object-lock", "object lock", _whole(OBJECT_LOCK), body=OBJECT_LOCK,
    md5=True,
)  # fmt: skip
GET_BUCKET_OBJECT_LOCK = _row("Get", "ObjectLock", "object-lock", "object lock", result=OBJECT_LOCK)

BUCKET_SETTINGS: tuple[Operation, ...] = tuple(
    value for value in dict(globals()).values() if isinstance(value, Operation)
)
