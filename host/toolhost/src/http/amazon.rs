/// Returns the host of a service of Amazon in a region, by
/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>; regions of China have a domain of their own.
pub(crate) fn amazon_host(service: &str, region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("{service}.{region}.{domain}")
}
