"""Reports that other tools wrote, and the predicates that say the same.

A module reads a format: `junit`, `sarif`, `trivy`, `grype`, `sbom` (SPDX and CycloneDX); `recognise` says which one it
is. A module writes a type: `test_result`, `vulnerabilities`, `attributes`. Nothing here touches a file or the clock,
and nothing is made up: what a type requires and a report does not say is given by who asks, or an error.
"""
