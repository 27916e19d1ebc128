//! S3 and compatibles.

use super::dal::Open;
use opendal::Operator;
use opendal::services::S3;

/// What opens the store. Credentials are looked up by the first request, inside its time limit, as the chain may ask the network.
pub(super) fn builder(bucket: &str, region: Option<&str>, endpoint: Option<&str>, path_style: bool, prefix: &str) -> Open {
    let mut service = S3::default().bucket(bucket).root(prefix);
    if let Some(endpoint) = endpoint {
        service = service.endpoint(endpoint);
    }
    // Compatibles mostly do not care about the region, but no request can be signed without one.
    let known = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().any(|name| std::env::var_os(name).is_some());
    if let Some(region) = region.or((endpoint.is_some() && !known).then_some("us-east-1")) {
        service = service.region(region);
    }
    if !path_style {
        service = service.enable_virtual_host_style();
    }
    Box::new(move || {
        // Names the HTTP client that OpenDAL uses; the client itself is made by the first request.
        opendal::install_default();
        Operator::new(service)
    })
}
