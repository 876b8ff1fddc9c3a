output "cluster" {
  description = "For `aws eks update-kubeconfig --name`."
  value       = aws_eks_cluster.main.name
}

output "name_servers" {
  description = "To be entered at the registrar of each public domain."
  value       = { for domain, zone in aws_route53_zone.public : domain => zone.name_servers }
}

output "balancers" {
  description = "Names of the balancers; only CloudFront reaches the public ones."
  value = merge(
    { for name, one in aws_lb.gateway : name => one.dns_name },
    { for name, one in aws_lb.site : name => one.dns_name },
  )
}

output "distributions" {
  description = "CloudFront's ids, for invalidations."
  value = {
    gateway = aws_cloudfront_distribution.gateway.id
    site    = aws_cloudfront_distribution.site.id
  }
}

output "database_secrets" {
  description = "Where the password of each database is (Secrets Manager)."
  value       = { for id, one in aws_rds_cluster.main : id => one.master_user_secret[0].secret_arn }
}

output "middleware" {
  description = "Names and ports that services are told."
  value       = { for id, one in local.middleware : id => "${one.host}:${one.port}" }
}

output "brokers" {
  description = "All brokers of Amazon's Kafka."
  value       = { for id, one in aws_msk_cluster.main : id => one.bootstrap_brokers }
}
