"""Every answer that is an error, one function each, named as AWS names it, with the words that clients match on.

A modelled error (`InvalidParameterException`) becomes the client's own typed exception; a front-door error
(`InvalidSignatureException`) stands in no model, and clients show its code. AWS answers both with 400, being told that
access is denied included; 500 is left for what is our fault, and clients try that again by themselves, as they do with
`ThrottlingException` and `ProvisionedThroughputExceededException`. `LimitExceededException` is retried too: it is not
for what will be refused for ever.
"""

from __future__ import annotations

NO_FACES = "There are no faces in the image. Should be at least 1."


class Fault(Exception):  # noqa: N818 - the name that AWS's own wire has for it
    """An answer, not a defect: it is sent to the client, and nobody else hears of it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


# What the operations answer.


def invalid_parameter(detail: str = "") -> Fault:
    return Fault("InvalidParameterException", detail or "Request has invalid parameters")


def no_faces() -> Fault:
    """Clients in the wild compare this sentence letter for letter."""
    return invalid_parameter(NO_FACES)


def access_denied(user: str, action: str, resource: str) -> Fault:
    """The user and the resource are ARNs, or `*` for an operation without resources; the action has its prefix."""
    return Fault(
        "AccessDeniedException", f"User: {user} is not authorized to perform: {action} on resource: {resource}"
    )


def throttling(message: str = "Slow down; sudden increase in rate of requests") -> Fault:
    """The queue is full, or the key has used up its quota."""
    return Fault("ThrottlingException", message)


def service_unavailable() -> Fault:
    """The same exception, whose code makes clients try again: an accelerator is away, or we stop."""
    return throttling("Service Unavailable")


def provisioned_throughput_exceeded() -> Fault:
    return Fault("ProvisionedThroughputExceededException", "Provisioned Rate exceeded.")


def service_quota_exceeded(message: str) -> Fault:
    return Fault("ServiceQuotaExceededException", message)


def resource_not_found(message: str = "The resource specified in the request cannot be found.") -> Fault:
    return Fault("ResourceNotFoundException", message)


def resource_already_exists(message: str) -> Fault:
    return Fault("ResourceAlreadyExistsException", message)


def collection_already_exists(collection: str) -> Fault:
    return resource_already_exists(f"The collection id: {collection} already exists")


def resource_in_use(message: str = "Specified resource is in use.") -> Fault:
    return Fault("ResourceInUseException", message)


def resource_not_ready(message: str) -> Fault:
    return Fault("ResourceNotReadyException", message)


def limit_exceeded(message: str) -> Fault:
    return Fault("LimitExceededException", message)


def malformed_policy_document(message: str) -> Fault:
    return Fault("MalformedPolicyDocumentException", message)


def invalid_policy_revision_id(message: str) -> Fault:
    return Fault("InvalidPolicyRevisionIdException", message)


def conflict(
    message: str = "A User with the same Id already exists within the collection, or the update or deletion of the User"
    " caused an inconsistent state.",
) -> Fault:
    return Fault("ConflictException", message)


def idempotent_parameter_mismatch(token: str) -> Fault:
    return Fault(
        "IdempotentParameterMismatchException",
        f"The ClientRequestToken: {token} you have supplied is already in use.",
    )


def invalid_pagination_token(message: str = "Invalid Pagination Token") -> Fault:
    return Fault("InvalidPaginationTokenException", message)


def invalid_image_format(message: str = "Request has invalid image format") -> Fault:
    return Fault("InvalidImageFormatException", message)


def image_too_large(message: str = "Image size is too large") -> Fault:
    return Fault("ImageTooLargeException", message)


def image_dimensions_too_large(width: int, height: int, limit: int) -> Fault:
    return image_too_large(f"Input image dimensions {width} x {height} exceed maximum dimension size of {limit} pixels")


def invalid_s3_object(
    message: str = "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
) -> Fault:
    return Fault("InvalidS3ObjectException", message)


def internal_server_error(message: str = "Internal server error") -> Fault:
    """A defect, or a disk or an accelerator that failed: the request may be sent again."""
    return Fault("InternalServerError", message, 500)


# What is answered at the front door, before an operation is asked.


def unrecognized_client(message: str = "The security token included in the request is invalid.") -> Fault:
    """The access key is unknown or disabled: AWS does not tell which, nor do we."""
    return Fault("UnrecognizedClientException", message)


def invalid_signature(
    message: str = "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details.",
) -> Fault:
    return Fault("InvalidSignatureException", message)


def incomplete_signature(message: str) -> Fault:
    return Fault("IncompleteSignatureException", message)


def missing_authentication_token(message: str = "Missing Authentication Token") -> Fault:
    return Fault("MissingAuthenticationTokenException", message)


def unknown_operation(message: str = "") -> Fault:
    """AWS says nothing more than the code here."""
    return Fault("UnknownOperationException", message)


def serialization(message: str) -> Fault:
    """The body is not JSON, or a member is of another type than the model's."""
    return Fault("SerializationException", message)


def validation(message: str) -> Fault:
    """A member breaks a constraint of the model."""
    return Fault("ValidationException", message)
