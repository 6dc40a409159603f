use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that may be reached.
///
/// The author of a URL makes this machine send a request. An address that only this machine can reach, such as the
/// metadata server of a cloud, would reveal data that the author may not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) enum AddressPolicy {
    /// Only those that are reachable from anywhere on the Internet.
    #[default]
    Public,
    /// All of them.
    Any,
}

/// Why an address is not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressClass {
    /// This machine (`127.0.0.0/8`, `::1`).
    Loopback,
    /// The local link, which contains the metadata servers of clouds (`169.254.0.0/16`, `fe80::/10`).
    LinkLocal,
    /// A private network (RFC 1918, `fc00::/7`).
    Private,
    /// Shared by the customers of a provider (`100.64.0.0/10`, RFC 6598).
    Shared,
    /// A group of machines, or all of them.
    Multicast,
    /// Not an address of a machine (`0.0.0.0/8`, `::`).
    Unspecified,
    /// Reserved for documentation, benchmarks, protocols or the future.
    Reserved,
    /// A service of the machine's cloud under an address that looks public.
    CloudService,
}

/// The host service of Azure, which every virtual machine there reaches under this address
/// (<https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16>).
const AZURE_HOST: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

impl AddressPolicy {
    /// Returns why an address is not public, if it is not.
    #[must_use]
    pub(crate) fn objection(self, address: IpAddr) -> Option<AddressClass> {
        match self {
            Self::Any => None,
            Self::Public => class(address),
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Loopback => "this machine",
            Self::LinkLocal => "link-local",
            Self::Private => "private",
            Self::Shared => "shared by a provider's customers",
            Self::Multicast => "multicast or broadcast",
            Self::Unspecified => "not an address of a machine",
            Self::Reserved => "reserved",
            Self::CloudService => "a service of the cloud",
        })
    }
}

fn class(address: IpAddr) -> Option<AddressClass> {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(embedded) => class_v4(embedded),
            None => class_v6(address),
        },
    }
}

/// According to the special-purpose registry of IANA (RFC 6890 and its successors).
fn class_v4(address: Ipv4Addr) -> Option<AddressClass> {
    match address.octets() {
        _ if address == AZURE_HOST => Some(AddressClass::CloudService),
        [0, ..] => Some(AddressClass::Unspecified),
        [127, ..] => Some(AddressClass::Loopback),
        [169, 254, ..] => Some(AddressClass::LinkLocal),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(AddressClass::Private),
        [100, 64..=127, ..] => Some(AddressClass::Shared),
        [224..=239, ..] | [255, 255, 255, 255] => Some(AddressClass::Multicast),
        // Protocol assignments; documentation; the former relays of 6to4; benchmarks; the future.
        [192, 0, 0 | 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [240..=255, ..] => Some(AddressClass::Reserved),
        _ => None,
    }
}

/// Only `2000::/3` is assigned for use on the Internet (RFC 4291), so everything else is refused, known or not.
fn class_v6(address: Ipv6Addr) -> Option<AddressClass> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(AddressClass::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(AddressClass::Loopback),
        [0xfe80..=0xfebf, ..] => Some(AddressClass::LinkLocal),
        // The second range is that of the deprecated site-local addresses (RFC 3879).
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Some(AddressClass::Private),
        [0xff00..=0xffff, ..] => Some(AddressClass::Multicast),
        // Protocol assignments, among them Teredo's tunnels; documentation, twice.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(AddressClass::Reserved),
        [0x2000..=0x3fff, ..] => None,
        _ => Some(AddressClass::Reserved),
    }
}

/// Returns the IPv4 address in an IPv6 address.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match address.segments() {
        // `::` and `::1` are addresses of IPv6 itself.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return None,
        // Compatible and mapped (RFC 4291 §2.5.5), by SIIT (RFC 2765), and by NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        // 6to4 (RFC 3056).
        | [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_distinguished_from_all_others() {
        use AddressClass as C;
        let cases: [(&str, Option<C>); 66] = [
            ("8.8.8.8", None),
            ("1.1.1.1", None),
            ("100.63.255.255", None),
            ("100.128.0.0", None),
            ("172.15.255.255", None),
            ("172.32.0.0", None),
            ("169.253.255.255", None),
            ("192.0.1.1", None),
            ("198.17.255.255", None),
            ("198.20.0.0", None),
            ("223.255.255.255", None),
            ("0.0.0.0", Some(C::Unspecified)),
            ("0.1.2.3", Some(C::Unspecified)),
            ("10.0.0.1", Some(C::Private)),
            ("10.255.255.255", Some(C::Private)),
            ("172.16.0.1", Some(C::Private)),
            ("172.31.255.255", Some(C::Private)),
            ("192.168.1.1", Some(C::Private)),
            ("100.64.0.1", Some(C::Shared)),
            ("100.100.100.200", Some(C::Shared)),
            ("100.127.255.255", Some(C::Shared)),
            ("127.0.0.1", Some(C::Loopback)),
            ("127.255.255.254", Some(C::Loopback)),
            ("169.254.0.1", Some(C::LinkLocal)),
            ("169.254.169.254", Some(C::LinkLocal)),
            ("192.0.0.170", Some(C::Reserved)),
            ("192.0.2.1", Some(C::Reserved)),
            ("192.88.99.1", Some(C::Reserved)),
            ("198.18.0.1", Some(C::Reserved)),
            ("198.19.255.255", Some(C::Reserved)),
            ("198.51.100.1", Some(C::Reserved)),
            ("203.0.113.1", Some(C::Reserved)),
            ("224.0.0.1", Some(C::Multicast)),
            ("239.255.255.255", Some(C::Multicast)),
            ("240.0.0.1", Some(C::Reserved)),
            ("255.255.255.255", Some(C::Multicast)),
            ("168.63.129.16", Some(C::CloudService)),
            ("2606:4700::1111", None),
            ("2001:4860:4860::8888", None),
            ("::", Some(C::Unspecified)),
            ("::1", Some(C::Loopback)),
            ("fe80::1", Some(C::LinkLocal)),
            ("febf::1", Some(C::LinkLocal)),
            ("fec0::1", Some(C::Private)),
            ("fc00::1", Some(C::Private)),
            ("fd00:ec2::254", Some(C::Private)),
            ("ff02::1", Some(C::Multicast)),
            ("2001:db8::1", Some(C::Reserved)),
            ("3fff::1", Some(C::Reserved)),
            ("100::1", Some(C::Reserved)),
            ("2001::1", Some(C::Reserved)),
            ("2001:10::1", Some(C::Reserved)),
            ("4000::1", Some(C::Reserved)),
            ("64:ff9b:1::1", Some(C::Reserved)),
            // IPv4 in IPv6.
            ("::ffff:8.8.8.8", None),
            ("64:ff9b::8.8.8.8", None),
            ("2002:808:808::1", None),
            ("::ffff:127.0.0.1", Some(C::Loopback)),
            ("::ffff:169.254.169.254", Some(C::LinkLocal)),
            ("::ffff:0:10.0.0.1", Some(C::Private)),
            ("::127.0.0.1", Some(C::Loopback)),
            ("::10.0.0.1", Some(C::Private)),
            ("64:ff9b::169.254.169.254", Some(C::LinkLocal)),
            ("64:ff9b::10.0.0.1", Some(C::Private)),
            ("2002:a9fe:a9fe::1", Some(C::LinkLocal)),
            ("2002:7f00:1::", Some(C::Loopback)),
        ];
        for (text, expected) in cases {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(AddressPolicy::Public.objection(address), expected, "{text}");
            assert_eq!(AddressPolicy::Any.objection(address), None, "{text}");
        }
    }
}
