# What runs around the cluster: names, certificates, CloudFront, balancers, EKS, databases, caches, Kafka and etcd.
# What follows from topology.yaml is in topology.tf.json, which `allin topology --write` makes.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # Say where the state is kept: terraform init -backend-config=…
  backend "s3" {}
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}

# CloudFront takes its certificates from there only.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  default_tags {
    tags = local.tags
  }
}
