# Public names lead to CloudFront, internal ones to the internal balancer; internal ones exist in the network only.

resource "aws_route53_zone" "public" {
  for_each = toset(local.public_domains)

  name = each.value
}

resource "aws_route53_zone" "internal" {
  name = local.internal_domain

  vpc {
    vpc_id = aws_vpc.main.id
  }
}

resource "aws_route53_record" "gateway" {
  for_each = aws_route53_zone.public

  zone_id = each.value.zone_id
  name    = "*.${each.key}"
  type    = "A"

  alias {
    name                   = aws_cloudfront_distribution.gateway.domain_name
    zone_id                = aws_cloudfront_distribution.gateway.hosted_zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "site" {
  for_each = aws_route53_zone.public

  zone_id = each.value.zone_id
  name    = each.key
  type    = "A"

  alias {
    name                   = aws_cloudfront_distribution.site.domain_name
    zone_id                = aws_cloudfront_distribution.site.hosted_zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "internal" {
  zone_id = aws_route53_zone.internal.zone_id
  name    = "*.${local.internal_domain}"
  type    = "A"

  alias {
    name                   = aws_lb.gateway["apisix-internal"].dns_name
    zone_id                = aws_lb.gateway["apisix-internal"].zone_id
    evaluate_target_health = true
  }
}

# Middleware by the names of the topology.
resource "aws_route53_record" "database" {
  for_each = local.databases

  zone_id = aws_route53_zone.internal.zone_id
  name    = each.value.host
  type    = "CNAME"
  ttl     = 30
  records = [aws_rds_cluster.main[each.key].endpoint]
}

resource "aws_route53_record" "cache" {
  for_each = local.caches

  zone_id = aws_route53_zone.internal.zone_id
  name    = each.value.host
  type    = "CNAME"
  ttl     = 30
  records = [aws_elasticache_replication_group.main[each.key].primary_endpoint_address]
}

# The first broker's name, from which clients learn of the others.
resource "aws_route53_record" "broker" {
  for_each = local.brokers

  zone_id = aws_route53_zone.internal.zone_id
  name    = each.value.host
  type    = "CNAME"
  ttl     = 30
  records = [split(":", split(",", aws_msk_cluster.main[each.key].bootstrap_brokers)[0])[0]]
}

resource "aws_route53_record" "hosts" {
  for_each = merge(local.own_brokers, local.registries)

  zone_id = aws_route53_zone.internal.zone_id
  name    = each.value.host
  type    = "A"
  ttl     = 30
  records = [for key, one in aws_network_interface.host : one.private_ip if startswith(key, "${each.key}-")]
}

# Each host by a name of its own: kafkanew-0.aie.prod.
resource "aws_route53_record" "host" {
  for_each = aws_network_interface.host

  zone_id = aws_route53_zone.internal.zone_id
  name    = "${each.key}.${local.internal_domain}"
  type    = "A"
  ttl     = 30
  records = [each.value.private_ip]
}

# Certificates: HTTPS ends at CloudFront, and at the NLB's port 443.
resource "aws_acm_certificate" "edge" {
  provider = aws.us_east_1

  domain_name               = local.public_domain
  subject_alternative_names = concat(local.public_hosts, local.public_aliases)
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "site" {
  domain_name               = local.public_domain
  subject_alternative_names = local.public_aliases
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

# The same proof serves both: it depends on the name and the account.
resource "aws_route53_record" "proof" {
  for_each = {
    for option in aws_acm_certificate.edge.domain_validation_options :
    option.domain_name => option if !startswith(option.domain_name, "*.")
  }

  zone_id         = aws_route53_zone.public[each.key].zone_id
  name            = each.value.resource_record_name
  type            = each.value.resource_record_type
  records         = [each.value.resource_record_value]
  ttl             = 60
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "edge" {
  provider = aws.us_east_1

  certificate_arn         = aws_acm_certificate.edge.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_acm_certificate_validation" "site" {
  certificate_arn         = aws_acm_certificate.site.arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}
