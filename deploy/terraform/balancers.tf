# The two ALBs before APISIX and the NLB before the web site. They lead to the pods' own addresses, which the AWS Load
# Balancer Controller keeps in the target groups (deploy/kubernetes/overlays/production/target-groups.yaml).

locals {
  # Which hosts a balancer lets through; all others are told that there is no such place.
  gateway_hosts = {
    "apisix-public"   = local.public_hosts
    "apisix-internal" = local.internal_hosts
  }
  site_balancers = { for name, hop in local.topology_edge : name => hop if !contains(keys(local.gateway_hosts), name) }
  site_listeners = merge([
    for name, hop in local.site_balancers : {
      for port in hop.ports : "${name}:${port}" => { name = name, port = port }
    }
  ]...)
}

resource "aws_lb" "gateway" {
  for_each = local.gateway_hosts

  name                       = each.key
  load_balancer_type         = "application"
  internal                   = local.topology_edge[each.key].internal
  security_groups            = [aws_security_group.balancer[each.key].id]
  subnets                    = local.topology_edge[each.key].internal ? aws_subnet.private[*].id : aws_subnet.public[*].id
  idle_timeout               = 660
  drop_invalid_header_fields = true
  enable_deletion_protection = true
  # CloudFront has written down whom it speaks for; its own address says nothing.
  xff_header_processing_mode = local.topology_edge[each.key].internal ? "append" : "preserve"
}

resource "aws_lb_target_group" "gateway" {
  for_each = local.gateway_hosts

  name                 = each.key
  vpc_id               = aws_vpc.main.id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = local.topology_edge[each.key].target_port
  deregistration_delay = 30

  # APISIX answers a host that it does not know with 404, which means that it serves.
  health_check {
    path     = "/healthz"
    matcher  = "200-404"
    interval = 10
    timeout  = 5
  }
}

resource "aws_lb_listener" "gateway" {
  for_each = local.gateway_hosts

  load_balancer_arn = aws_lb.gateway[each.key].arn
  port              = local.topology_edge[each.key].ports[0]
  protocol          = "HTTP"

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "application/json"
      message_body = "{\"code\":-1000,\"msg\":\"no such host\"}"
      status_code  = "404"
    }
  }
}

# What services say to each other is not for the public side, whatever its host.
resource "aws_lb_listener_rule" "not_public" {
  listener_arn = aws_lb_listener.gateway["apisix-public"].arn
  priority     = 10

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "application/json"
      message_body = "{\"code\":-1000,\"msg\":\"no such path\"}"
      status_code  = "404"
    }
  }

  condition {
    path_pattern {
      values = ["/internal/*"]
    }
  }
}

resource "aws_lb_listener_rule" "public" {
  listener_arn = aws_lb_listener.gateway["apisix-public"].arn
  priority     = 20

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.gateway["apisix-public"].arn
  }

  condition {
    host_header {
      values = local.gateway_hosts["apisix-public"]
    }
  }

  condition {
    http_header {
      http_header_name = local.origin_header
      values           = [random_password.origin.result]
    }
  }
}

resource "aws_lb_listener_rule" "internal" {
  listener_arn = aws_lb_listener.gateway["apisix-internal"].arn
  priority     = 20

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.gateway["apisix-internal"].arn
  }

  condition {
    host_header {
      values = local.gateway_hosts["apisix-internal"]
    }
  }
}

resource "aws_lb" "site" {
  for_each = local.site_balancers

  name                             = each.key
  load_balancer_type               = "network"
  internal                         = each.value.internal
  security_groups                  = [aws_security_group.balancer[each.key].id]
  subnets                          = aws_subnet.public[*].id
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = true
}

resource "aws_lb_target_group" "site" {
  for_each = local.site_balancers

  name                 = each.key
  vpc_id               = aws_vpc.main.id
  target_type          = "ip"
  protocol             = "TCP"
  port                 = each.value.target_port
  deregistration_delay = 30

  health_check {
    protocol = "HTTP"
    path     = "/healthz"
    interval = 10
  }
}

resource "aws_lb_listener" "site" {
  for_each = local.site_listeners

  load_balancer_arn = aws_lb.site[each.value.name].arn
  port              = each.value.port
  protocol          = each.value.port == 443 ? "TLS" : "TCP"
  certificate_arn   = each.value.port == 443 ? aws_acm_certificate_validation.site.certificate_arn : null
  ssl_policy        = each.value.port == 443 ? "ELBSecurityPolicy-TLS13-1-2-2021-06" : null

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.site[each.value.name].arn
  }
}
